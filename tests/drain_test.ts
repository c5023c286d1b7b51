// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * How the real server ends: what clients of every endpoint get, and the exit code.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { ServerProcess } from "./support/server_process.ts";
import { writeTinyModel } from "./support/tiny_model.ts";

const folder = await Deno.makeTempDir({ prefix: "aerie-drain-" });
const modelPath = await writeTinyModel(folder, {
  kind: "gguf",
  seed: 1,
  config: { headDim: 32, maxPositionEmbeddings: 262144 },
});
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const flags = [
  ...["--model-path", modelPath, "--served-model-name", "tiny", "--skip-server-warmup"],
  ...["--speculative-algorithm", "NONE", "--max-total-tokens", "300000", "--max-running-requests", "4"],
];
/** More tokens than a test waits for. */
const endless = { max_tokens: 200_000, ignore_eos: true };
const prompt = "Once upon a time";

interface Answer {
  readonly status: number;
  /** The body, or the last event before `[DONE]`. */
  // deno-lint-ignore no-explicit-any -- what is expected of it is asserted
  readonly body: any;
  readonly retryAfter: string | null;
}

/** Posts, and reads all of the answer; calls `onBegun` when that begins. */
async function ask(
  server: ServerProcess,
  path: string,
  body: object,
  onBegun: () => void = () => {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  onBegun();
  const text = await response.text(), retryAfter = response.headers.get("Retry-After");
  const isStream = response.headers.get("Content-Type") === "text/event-stream";
  if (!isStream) return { status: response.status, body: JSON.parse(text), retryAfter };
  const events = text.split("\n\n").filter((event) => event.startsWith("data: "));
  assert.equal(events.pop(), "data: [DONE]");
  return { status: response.status, body: JSON.parse(events.at(-1)!.slice(6)), retryAfter };
}

const native = { text: prompt, sampling_params: { max_new_tokens: 200_000, ignore_eos: true } };
/** Requests without an end, plain and as streams. */
const requests: [path: string, body: object][] = [
  ["/v1/completions", { prompt, ...endless }],
  ["/generate", native],
  ["/v1/completions", { prompt, ...endless, stream: true }],
  ["/generate", { ...native, stream: true }],
];

/** Those of them that come first and are plain. */
const NUM_PLAIN = 2;

/** Starts all of `requests` and waits until streams have begun and all run beside `numMore` others. */
async function startAll(server: ServerProcess, numMore = 0): Promise<Promise<Answer>[]> {
  const begun = requests.map(() => Promise.withResolvers<void>());
  const answers = requests.map(([path, body], index) => ask(server, path, body, begun[index]!.resolve));
  // Without a token yet they would be answered 503, as plain ones are.
  await Promise.all(begun.slice(NUM_PLAIN).map(({ promise }) => promise));
  for (;;) {
    const response = await fetch(`${server.url}/get_server_info`);
    const { internal_states: [{ num_running, num_waiting }] } = await response.json();
    if (num_running + num_waiting === requests.length + numMore) return answers;
  }
}

/** All of `requests` were cut: 503 for plain ones, an error as the last event of streams. */
async function assertCut(answers: readonly Promise<Answer>[]): Promise<void> {
  for (const [index, { status, body, retryAfter }] of (await Promise.all(answers)).entries()) {
    const isStream = index >= NUM_PLAIN;
    assert.deepEqual([status, retryAfter], isStream ? [200, null] : [503, "1"]);
    assert.deepEqual([body.code, body.error.type], [503, "server_error"]);
    assert.match(body.error.message, /^Cannot finish request: the server is shutting down$/);
  }
}

Deno.test("drain: what runs and what waits ends, nothing more is admitted, reads are answered", async () => {
  await using server = await ServerProcess.start([...flags, "--max-running-requests", "1"]);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const options = { model: "tiny", prompt, ...endless };
  const stream = await client.completions.create({ ...options, ...{ rid: "long" }, stream: true });
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  const waiting = client.completions.create({ ...options, max_tokens: 20 });
  for (let numWaiting = 0; numWaiting === 0;) {
    const response = await fetch(`${server.url}/get_server_info`);
    numWaiting = (await response.json()).internal_states[0].num_waiting;
  }
  server.kill("SIGTERM");
  await server.says("Received SIGTERM");

  const refused = await ask(server, "/v1/completions", { prompt });
  assert.deepEqual([refused.status, refused.body.error.type, refused.retryAfter], [503, "server_error", "1"]);
  for (
    const [path, status] of [["/ready", 503], ["/health", 503], ["/ping", 200], ["/metrics", 200], [
      "/v1/loads",
      200,
    ]] as const
  ) {
    const response = await fetch(`${server.url}${path}`);
    await response.body?.cancel();
    assert.equal(response.status, status, path);
  }
  for (let i = 0; i < 100; i++) assert.equal((await chunks.next()).done, false, "it goes on");
  await ask(server, "/abort_request", { rid: "long" });
  await assert.rejects(async () => {
    for await (const _ of { [Symbol.asyncIterator]: () => chunks });
  }, (error) => error instanceof OpenAI.APIError && error.code === "request_aborted");
  const { choices: [choice], usage } = await waiting;
  assert.deepEqual([choice?.finish_reason, usage?.completion_tokens], ["length", 20]);
  assert.equal((await server.exit).code, 0);
});

Deno.test("drain: after --drain-timeout plain requests are 503 and streams end with an error", async () => {
  await using server = await ServerProcess.start([...flags, "--drain-timeout", "1"]);
  const answers = await startAll(server);
  server.kill("SIGTERM");
  await assertCut(answers);
  const { code, log } = await server.exit;
  assert.equal(code, 0);
  assert.match(log, /Cutting 4 requests short/);
  assert(!/^\s+at /m.test(log), `no stack:\n${log}`);
});

Deno.test("drain: --drain-timeout 0 and a second signal cut at once, and clients still get an error", async (t) => {
  await t.step("--drain-timeout 0", async () => {
    const more = ["--drain-timeout", "0", "--max-running-requests", "5"];
    await using server = await ServerProcess.start([...flags, ...more]);
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
    const stream = await client.completions.create({ model: "tiny", prompt, ...endless, stream: true });
    const chunks = stream[Symbol.asyncIterator]();
    await chunks.next();
    const answers = await startAll(server, 1);
    server.kill("SIGINT");
    await assertCut(answers);
    await assert.rejects(async () => {
      for await (const _ of { [Symbol.asyncIterator]: () => chunks });
    }, (error) => error instanceof OpenAI.APIError && /shutting down/.test(error.message));
    assert.equal((await server.exit).code, 0);
  });
  await t.step("a second signal", async () => {
    await using server = await ServerProcess.start([...flags, "--drain-timeout", "3600"]);
    const answers = await startAll(server);
    server.kill("SIGTERM");
    await server.says("Received SIGTERM");
    server.kill("SIGTERM");
    await assertCut(answers);
    assert.equal((await server.exit).code, 1);
  });
});

Deno.test("drain: a signal while the server starts ends it at once, with exit code 0", async () => {
  await using server = ServerProcess.launch(flags);
  await server.says("server_args=");
  server.kill("SIGTERM");
  const { code, log } = await server.exit;
  assert.equal(code, 0);
  assert(!/Error|^\s+at /m.test(log), log);
});
