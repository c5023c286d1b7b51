/**
 * Texts, templates and tokenizers that would stand still: the server goes on meanwhile.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { areGone, childrenOf, type Process } from "../support/processes.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, vitalsOf } from "../support/server_vitals.ts";
import { longestTurnMs } from "../support/thread_time.ts";
import { writeTinyModel } from "../support/tiny_model.ts";
import { TINY_TOKENIZER } from "../support/tiny_tokenizer.ts";

/** CPU time of the HTTP thread between two answers that the issue allows, and how far above it a cold cache may be. */
const MAX_MS = 100, SLACK = 10;
/** Answers of /health, a pause of {@linkcode PAUSE_MS} behind each, that may come while a stream stands still. */
const MAX_ANSWERS = 400, PAUSE_MS = 5;

/** Takes twice as long for each further `a`. */
const SLOW_REGEX = { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated", invert: false };
const TEMPLATE = "{% set what = messages[0].content %}" +
  "{% if what == 'loop' %}{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}{% endif %}" +
  "{% if what == 'memory' %}{% for a in range(1000000000) %}{% endfor %}{% endif %}{{ what }}";
const KEY = "a-key-that-no-host-may-see";
const headers = { "Content-Type": "application/json" };
const LONG_CHAT = {
  messages: Array.from({ length: 8192 }, (_, i) => ({
    role: i === 8191 ? "nobody" : "user",
    content: "rest ".repeat(80),
  })),
};
const ENDLESS = "a".repeat(60) + "b";

async function writeSlowModel(folder: string): Promise<void> {
  await writeTinyModel(folder, {
    kind: "safetensors",
    seed: 1,
    config: { headDim: 32, maxPositionEmbeddings: 131_072 },
  });
  const pretokenizers = [SLOW_REGEX, TINY_TOKENIZER.json["pre_tokenizer"]];
  const json = { ...TINY_TOKENIZER.json, "pre_tokenizer": { type: "Sequence", pretokenizers } };
  await Deno.writeTextFile(join(folder, "tokenizer.json"), JSON.stringify(json));
}

function start(model: string): Promise<ServerProcess> {
  return ServerProcess.start([
    ...["--model-path", model, "--chat-template", TEMPLATE],
    ...["--tokenize-timeout", "3", "--max-total-tokens", "16384"],
  ], { env: { SECRET: KEY } });
}

async function post(url: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const signal = AbortSignal.timeout(20_000);
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: text, signal });
  return { status: response.status, text: await response.text() };
}

const chat = (content: string) => ({ messages: [{ role: "user", content }], "max_tokens": 1 });

/**
 * Streams and asks /health while `attack` runs. Tells how long the HTTP thread was busy between two answers of /health,
 * and how many of these came between two pieces of a stream, at worst: a machine that does other things lengthens
 * neither.
 */
async function watch<Result>(
  server: ServerProcess,
  attack: () => Promise<Result>,
): Promise<{ readonly turnMs: number; readonly numAnswers: number; readonly result: Result }> {
  // A stream that has yet to begin waits for a tokenizer, of which the attack may have all.
  let isOver = false, isStreaming = false, numAnswers = 0, mostAnswers = 0, result: Result;
  const stream = async () => {
    while (!isOver) {
      const body = { prompt: "rest", "max_tokens": 2000, "ignore_eos": true, temperature: 0, stream: true };
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200);
      numAnswers = 0;
      isStreaming = true;
      for await (const _ of response.body!) numAnswers = 0;
      isStreaming = false;
    }
  };
  const onAnswer = () => {
    if (isStreaming) mostAnswers = Math.max(mostAnswers, ++numAnswers);
  };
  const attacking = longestTurnMs(server, async () => {
    result = await attack();
  }, { pauseMs: PAUSE_MS, onAnswer }).finally(() => isOver = true);
  const [turnMs] = await Promise.all([attacking, stream()]);
  return { turnMs, numAnswers: mostAnswers, result: result! };
}

const hostsOf = ({ pid }: ServerProcess): Process[] => childrenOf(pid);

Deno.test("nothing that a text or a template does holds up streams and /health", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeSlowModel(folder);
    await using server = await start(folder);
    const { url } = server;
    // Starts the second host too.
    assert.equal((await post(url, "/generate", { text: "rest tea ".repeat(40_000) })).status, 400);
    const before = await vitalsOf(server), children = hostsOf(server).length;
    const attacks: [name: string, path: string, body: unknown, error: RegExp][] = [
      ["nested loops", "/v1/chat/completions", chat("loop"), /tokenizing took longer than 3 s/],
      ["backtracking", "/generate", { text: ENDLESS }, /tokenizing took longer than 3 s/],
      ["range(10**9)", "/v1/chat/completions", chat("memory"), /Cannot render chat: .*range/i],
      ["brackets", "/generate", "[".repeat(4_000_000), /nested deeper than/],
      ["8192 messages", "/v1/chat/completions", LONG_CHAT, /messages\[8191\].role/],
      ["512 kB", "/generate", { text: "rest tea ".repeat(57_000) }, /Cannot (accept text|tokenize input)/],
      [
        "3.9 MB batch",
        "/generate",
        { text: ["x".repeat(1.95e6), "y".repeat(1.95e6)] },
        /\d bytes\) is longer/,
      ],
    ];
    for (const [name, path, body, error] of attacks) {
      // Twice at once: both hosts have one.
      const { turnMs, numAnswers, result: answers } = await watch(
        server,
        () => Promise.all([post(url, path, body), post(url, path, body)]),
      );
      const line = `${name}: ${turnMs.toFixed()} ms between answers, ${numAnswers} answers between tokens\n`;
      Deno.stderr.writeSync(new TextEncoder().encode(line));
      for (const { status, text } of answers) {
        assert.equal(status, 400, `${name}: ${text}`);
        assert.match(JSON.parse(text).message, error, name);
      }
      assert.ok(turnMs < SLACK * MAX_MS, `${name}: the HTTP thread worked for ${turnMs} ms`);
      assert.ok(numAnswers < MAX_ANSWERS, `${name}: a stream stood still for ${numAnswers} answers`);
    }
    assert.equal(
      (await post(url, "/generate", { text: "rest", "sampling_params": { "max_new_tokens": 1 } })).status,
      200,
    );
    await assertRecovered(server, before);
    const now = hostsOf(server);
    assert.equal(now.length, children, JSON.stringify(now));
    assert.ok(!now.some(({ state }) => state === "Z"), JSON.stringify(now));
    for (const { pid } of now) {
      const environment = Deno.readTextFileSync(`/proc/${pid}/environ`);
      assert.ok(!environment.includes(KEY), "a host sees the environment");
    }

    // A signal is handled in the midst of it.
    const pending = post(url, "/generate", { text: ENDLESS }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    server.kill("SIGTERM");
    assert.equal((await server.exit).code, 0);
    await pending;
    assert.ok(await areGone(now.map(({ pid }) => pid)), "hosts outlive the server");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server that is killed leaves no host behind, not even a busy one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeSlowModel(folder);
    await using server = await start(folder);
    const pending = [1, 2].map(() => post(server.url, "/generate", { text: ENDLESS }).catch(() => {}));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const children = hostsOf(server);
    assert.equal(children.filter(({ state }) => state === "R").length, 2, JSON.stringify(children));
    server.kill("SIGKILL");
    await Promise.all(pending);
    assert.ok(await areGone(children.map(({ pid }) => pid)), JSON.stringify(children));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
