// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Lines about requests: one for each generation that ends, with no more than the level says.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import { FakeGenerator, spell, type Step } from "../../support/fake_generator.ts";
import { appOf, post, until } from "../../support/http.ts";

/** What a line says. */
interface Line {
  readonly obj: Record<string, unknown>;
  readonly out: { readonly text?: string; readonly "meta_info": Record<string, unknown> };
}

/** An application that logs, and its lines. */
function loggingApp(logRequestsLevel: number, script?: (index: number) => readonly Step[]) {
  const generator = script ? new FakeGenerator((_, index) => script(index)) : new FakeGenerator();
  const lines: string[] = [];
  const app = appOf(generator, {
    logRequests: true,
    logRequestsLevel,
    apiKey: "sk-secret",
    log: (level, text) => level === "info" && lines.push(text),
  });
  return { app, lines, generator };
}

const authorized = {
  headers: { "Content-Type": "application/json", Authorization: "Bearer sk-secret" },
};

function read(line: string): Line {
  const [, obj, out] = /^Finish: obj=(\{.*\}), out=(\{.*\})$/.exec(line) ?? assert.fail(line);
  return { obj: JSON.parse(obj!), out: JSON.parse(out!) };
}

const request = {
  input_ids: [72, 101, 121],
  sampling_params: { max_new_tokens: 9, stop: ["zz"] },
  rid: "r1",
};

Deno.test("request log: levels say ids and counts, then sampling parameters, then texts", async () => {
  for (const level of [0, 1, 2, 3]) {
    const { app, lines } = loggingApp(level);
    assert.equal((await post(app, "/generate", request, authorized)).status, 200);
    assert.equal(lines.length, 1);
    const { obj, out } = read(lines[0]!);
    assert.deepEqual([obj["rid"], obj["path"], obj["stream"]], ["r1", "/generate", false]);
    assert.deepEqual(out.meta_info["finish_reason"], { type: "stop", matched: 0 });
    assert.equal(typeof out.meta_info["e2e_latency"], "number");
    const sampling = obj["sampling_params"] as Record<string, unknown> | undefined;
    assert.equal(sampling?.["max_new_tokens"], level >= 1 ? 9 : undefined);
    assert.deepEqual([obj["text"], out.text], level >= 2 ? ["Hey", "Hi!"] : [undefined, undefined]);
    assert.ok(!lines.join().includes("sk-secret"));
  }
});

Deno.test("request log: long texts are cut at level 2 and whole at level 3", async () => {
  const text = "x".repeat(1500) + "y".repeat(1500);
  for (const level of [2, 3]) {
    const { app, lines } = loggingApp(
      level,
      () => [{ text, tokens: [1], finish: { type: "length", length: 1 } }],
    );
    await post(app, "/generate", { ...request, input_ids: Array(90).fill(97) }, authorized);
    const { obj, out } = read(lines[0]!);
    assert.equal(obj["text"], "a".repeat(90));
    assert.equal(out.text, level === 3 ? text : `${"x".repeat(1024)} ... ${"y".repeat(1024)}`);
  }
});

Deno.test("request log: a line is one line, and nothing in it acts on a terminal", async () => {
  const { app, lines } = loggingApp(3, () => spell("a\nb\x1b[2J\x9b\u2028"));
  await post(app, "/generate", request, authorized);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(lines[0]!, /[\x00-\x1f\x7f-\x9f\u2028]/);
  assert.equal(read(lines[0]!).out.text, "a\nb\x1b[2J\x9b\u2028");
});

Deno.test("request log: each generation of a batch, streamed or not, has its line", async () => {
  for (const stream of [false, true]) {
    const { app, lines } = loggingApp(0);
    const body = { ...request, input_ids: [[1], [2]], rid: ["a", "b"], stream };
    await (await post(app, "/generate", body, authorized)).text();
    assert.deepEqual(lines.map((line) => read(line).obj["rid"]), ["a", "b"]);
    assert.deepEqual(lines.map((line) => read(line).obj["stream"]), [stream, stream]);
  }
});

Deno.test("request log: requests that fail or are left have a line with the reason", async () => {
  const failing = loggingApp(
    0,
    () => [{ text: "H", tokens: [72] }, new OverloadedError("The queue is full", 1)],
  );
  await post(failing.app, "/generate", request, authorized);
  assert.deepEqual(read(failing.lines[0]!).out.meta_info["finish_reason"], {
    type: "error",
    message: "The queue is full",
  });

  const left = loggingApp(0, () => [{ text: "H", tokens: [72] }, "wait"]);
  const abort = new AbortController();
  const response = await post(left.app, "/generate", { ...request, stream: true }, {
    ...authorized,
    signal: abort.signal,
  });
  await response.body!.getReader().read();
  abort.abort();
  await until(() => left.lines.length > 0);
  assert.deepEqual(read(left.lines[0]!).out.meta_info["finish_reason"], {
    type: "abort",
    message: "The client has left",
  });
});

Deno.test("request log: there is none unless it is asked for", async () => {
  const lines: string[] = [];
  const app = appOf(new FakeGenerator(), { log: (_, text) => lines.push(text) });
  await post(app, "/generate", request);
  assert.deepEqual(lines, []);
});
