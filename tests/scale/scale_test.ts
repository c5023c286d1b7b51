// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Two real servers behind the real smg: what clients get through it, and what they lose when a worker goes.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { areGone, childrenOf } from "../support/processes.ts";
import { needsRouter, ScaleProcess } from "../support/scale_process.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

const folder = await Deno.makeTempDir({ prefix: "aerie-scale-" });
const modelPath = await writeTinyModel(folder, {
  kind: "gguf",
  seed: 1,
  config: { headDim: 32, maxPositionEmbeddings: 16384 },
});
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const { ignore } = await needsRouter();
const flags = [
  ...["--workers", "2", "--model-path", modelPath, "--served-model-name", "tiny", "--skip-server-warmup"],
  ...["--speculative-algorithm", "NONE", "--max-total-tokens", "100000", "--decode-log-interval", "100000"],
];
const KEY = "sk-behind-the-router";
/** Clients that ask one question after another. */
const NUM_CLIENTS = 4;
/** A restart and the health checks after it take a few seconds. */
const PATIENCE_MS = 60_000;

const headers = { "Content-Type": "application/json", "Authorization": `Bearer ${KEY}` };

/** Posts to the fleet and reads the answer. */
async function post(fleet: ScaleProcess, path: string, body: object) {
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${fleet.url}${path}`, init);
  return { status: response.status, text: await response.text() };
}

/** Tokens that the worker at `url` has made; undefined while it does not answer. */
async function numTokens(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/get_server_info`, { headers });
    return (await response.json()).internal_states[0].generated_tokens;
  } catch {
    return undefined;
  }
}

/** Short plain requests until `condition` holds; every answer must be whole. */
async function askUntil(fleet: ScaleProcess, condition: () => Promise<boolean>): Promise<number> {
  let isOver = false, numAnswers = 0;
  const clients = Array.from({ length: NUM_CLIENTS }, async () => {
    while (!isOver) {
      // Nothing that a worker has seen: what it knows would keep requests at the one that lives.
      const prompt = crypto.randomUUID();
      const body = { model: "tiny", prompt, max_tokens: 20, ignore_eos: true };
      const { status, text } = await post(fleet, "/v1/completions", body);
      assert.equal(status, 200, `${text}\n${fleet.log.slice(-20).join("\n")}`);
      const { choices: [choice], usage } = JSON.parse(text);
      assert.deepEqual([choice.finish_reason, usage.completion_tokens], ["length", 20]);
      numAnswers++;
    }
  });
  const watched = (async () => {
    const deadline = Date.now() + PATIENCE_MS;
    while (!await condition()) {
      assert(Date.now() < deadline, `Cannot wait longer:\n${fleet.log.slice(-40).join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await Promise.race([watched, Promise.all(clients)]);
  } finally {
    isOver = true;
    await Promise.allSettled([...clients, watched]);
  }
  return numAnswers;
}

Deno.test(
  { name: "scale: two workers behind smg are one server that outlives either", ignore },
  async (t) => {
    await using fleet = await ScaleProcess.start(flags, { AERIE_API_KEY: KEY });
    const client = new OpenAI({ baseURL: `${fleet.url}/v1`, apiKey: KEY, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "Hello" }];
    const options = { model: "tiny", messages, max_tokens: 8, temperature: 0, ...{ ignore_eos: true } };
    const pids = ["worker 1", "worker 2", "router"].map((name) => fleet.latest(name).pid);

    await t.step("chat, streamed or not", async () => {
      const whole = await client.chat.completions.create(options);
      const stream = await client.chat.completions.create({ ...options, stream: true });
      let text = "", reason: string | null | undefined;
      for await (const { choices: [choice] } of stream) {
        text += choice?.delta.content ?? "";
        reason = choice?.finish_reason ?? reason;
      }
      assert.deepEqual([text, reason], [whole.choices[0]!.message.content, "length"]);
      assert.equal(whole.usage?.completion_tokens, 8);
    });

    await t.step("/generate, streamed or not", async () => {
      const body = { text: "Once", sampling_params: { max_new_tokens: 8, temperature: 0, ignore_eos: true } };
      const whole = await post(fleet, "/generate", body);
      assert.equal(whole.status, 200, whole.text);
      const { meta_info, text } = JSON.parse(whole.text);
      assert.deepEqual([meta_info.completion_tokens, meta_info.finish_reason.type], [8, "length"]);
      const streamed = await post(fleet, "/generate", { ...body, stream: true });
      const events = streamed.text.split("\n\n").filter((event) => event.startsWith("data: {"));
      assert.equal(JSON.parse(events.at(-1)!.slice(6)).text, text);
    });

    await t.step("without the key nothing is answered, and it shows in no command line or log", async () => {
      const stranger = new OpenAI({ baseURL: `${fleet.url}/v1`, apiKey: "wrong", maxRetries: 0 });
      await assert.rejects(stranger.chat.completions.create(options), OpenAI.AuthenticationError);
      for (const pid of pids) {
        assert(!Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(KEY));
      }
      assert(!fleet.log.join().includes(KEY));
    });

    for (const [signal, name] of [["SIGKILL", "worker 2"], ["SIGTERM", "worker 1"]] as const) {
      await t.step(`${signal} of a worker loses no plain request, and it is back`, async () => {
        await askUntil(fleet, async () => await numTokens(fleet.latest(name).url) !== undefined);
        const before = fleet.latest(name);
        Deno.kill(before.pid, signal);
        const numAnswers = await askUntil(fleet, async () => {
          const { numStarts, url } = fleet.latest(name);
          return numStarts > before.numStarts && (await numTokens(url) ?? 0) > 0;
        });
        assert(numAnswers > 0);
        assert.equal(fleet.latest(name).url, before.url);
      });
    }

    await t.step("SIGTERM lets a stream end, then workers and router go", async () => {
      const stream = await client.chat.completions.create({ ...options, max_tokens: 4000, stream: true });
      const chunks = stream[Symbol.asyncIterator]();
      await chunks.next();
      const running = ["worker 1", "worker 2", "router"].map((name) => fleet.latest(name).pid);
      fleet.kill("SIGTERM");
      let reason: string | null | undefined;
      for await (const { choices: [choice] } of { [Symbol.asyncIterator]: () => chunks }) {
        reason = choice?.finish_reason ?? reason;
      }
      assert.equal(reason, "length");
      assert.equal((await fleet.exit).code, 0);
      assert(await areGone(running));
    });
  },
);

Deno.test({ name: "scale: a worker that cannot start ends the fleet in its own words", ignore }, async () => {
  const fleet = new ScaleProcess(["--model-path", "/no/such/model.gguf"]);
  assert.equal((await fleet.exit).code, 1);
  assert(
    fleet.log.some((line) => /^\[worker 1\] Error: Cannot load \/no\/such/.test(line)),
    fleet.log.join("\n"),
  );
  assert.match(fleet.log.at(-1)!, /^Error: Cannot start worker 1: it ended with 1$/);
});

Deno.test("scale: a port that is in use ends the fleet before any worker starts", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const fleet = new ScaleProcess(["--port", String(port)]);
  assert.equal((await fleet.exit).code, 1);
  assert.deepEqual(fleet.log, [
    `Error: Cannot listen on 127.0.0.1:${port}: the port is in use, choose another with --port`,
  ]);
});

Deno.test({ name: "scale: workers do not outlive a fleet that is gone without a word", ignore }, async () => {
  const fleet = new ScaleProcess([...flags, "--workers", "1"]);
  await fleet.says("Ready: ");
  const running = ["worker 1", "router"].map((name) => fleet.latest(name).pid);
  const hosts = running.flatMap((pid) => childrenOf(pid).map(({ pid }) => pid));
  fleet.kill("SIGKILL");
  await fleet.exit;
  assert(await areGone([...running, ...hosts]));
});
