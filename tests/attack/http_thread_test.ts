/**
 * Requests that are cheap to send and expensive to answer: none keeps the HTTP thread for itself.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, vitalsOf } from "../support/server_vitals.ts";
import { longestTurnMs } from "../support/thread_time.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

/** What the issue allows, and how far above it a busy machine with a cold cache may be. */
const MAX_MS = 50, SLACK = 10;
/** Runs of each request, of which the best counts: the first ones compile code. */
const NUM_RUNS = 3;

const LONG = "b".repeat(4_000_000);
const BIAS = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [i, 1]));
const UNKNOWN = Object.fromEntries(Array.from({ length: 49_000 }, (_, i) => [`k${i}`, 1]));
const IDS = Array.from({ length: 8000 }, (_, i) => 3 + i % 256);
const BATCH = Array.from({ length: 8 }, () => "rest");

/** The most expensive expressions that are compiled: as large as allowed, by size, by classes, by folded ranges. */
const EXPRESSIONS = ["(?i)[\\x{100}-\\x{10ffff}]", `(?i)${"\\pL".repeat(12)}`, "(?i)(?:[a-z]{4}){35}z"];
const LABELS = Array.from({ length: 128 }, (_, i) => i);
const TALK = Array.from(
  { length: 8192 },
  (_, i) => ({ role: i % 2 ? "assistant" : "user", content: "rest" }),
);
const TOKENS = Array.from({ length: 1_000_000 }, (_, i) => 3 + i % 7);

const scored = { "max_new_tokens": 3, "ignore_eos": true };
const ATTACKS: readonly (readonly [name: string, path: string, body: object | string, status: number])[] = [
  ["a stop text of 4 MB", "/generate", { text: "a", "sampling_params": { stop: LONG } }, 400],
  ["a request id of 4 MB", "/generate", { text: "a", rid: LONG }, 400],
  ["a seed of 4 MB", "/v1/completions", `{"prompt":"a","seed":${"1".repeat(4_000_000)}}`, 400],
  ["49,000 unknown fields", "/v1/chat/completions", { ...UNKNOWN, messages: [] }, 400],
  ["1,000 prompts of 900 tokens", "/generate", {
    "input_ids": Array.from({ length: 1000 }, () => IDS.slice(0, 900)),
    "sampling_params": { "max_new_tokens": 0 },
  }, 200],
  [
    "1,024 generations with logprobs",
    "/v1/completions",
    { prompt: BATCH, n: 128, "max_tokens": 2, logprobs: 20 },
    200,
  ],
  ["1,024 streamed", "/v1/completions", {
    ...{ prompt: BATCH, n: 128, "max_tokens": 2, logprobs: 5, stream: true },
  }, 200],
  [
    "1,024 generations with a bias",
    "/v1/completions",
    { prompt: BATCH, n: 128, "max_tokens": 1, "logit_bias": BIAS },
    200,
  ],
  ...EXPRESSIONS.map((pattern) =>
    [`1,024 generations with ${pattern.slice(0, 30)}`, "/v1/completions", {
      ...{ prompt: BATCH, n: 128, "max_tokens": 2, "stop_regex": pattern },
    }, 200] as const
  ),
  ["128 expressions that are not compiled", "/generate", {
    text: BATCH.slice(0, 4),
    "sampling_params": BATCH.slice(0, 4).map((_, i) => ({
      "stop_regex": LABELS.slice(0, 32).map((label) => `(?i)(\\pL{1,9}){1,9}${i}.${label}`),
    })),
  }, 400],
  ["1,024 scored items", "/v1/score", {
    ...{ query: "rest", items: Array.from({ length: 1024 }, () => "rest"), "label_token_ids": LABELS },
    "return_token_logprobs": true,
  }, 200],
  ["200 KB to tokenize", "/tokenize", { prompt: "rest ".repeat(40_000), "return_token_strs": true }, 200],
  ["1,000,000 tokens to text", "/detokenize", { tokens: TOKENS }, 200],
  ["8,192 messages rendered", "/v1/chat/completions/render", { messages: TALK }, 400],
  ...[false, true].flatMap((stream) =>
    [
      ["8,000 scored tokens, legacy", "/v1/completions", {
        ...{ prompt: IDS, "max_tokens": 3, echo: true, logprobs: 20, stream },
      }, 200],
      ["8,000 scored tokens, native", "/generate", {
        ...{ "input_ids": IDS, "sampling_params": scored, stream },
        ...{ "return_logprob": true, "logprob_start_len": 0, "top_logprobs_num": 20 },
      }, 200],
    ] as const
  ),
];

Deno.test("no request keeps the HTTP thread for itself", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = { headDim: 32, maxPositionEmbeddings: 16_384 };
    const model = await writeTinyModel(folder, { kind: "gguf", seed: 1, config });
    await using server = await ServerProcess.start([
      ...["--model-path", model, "--max-total-tokens", "32768"],
      ...["--max-queued-per-client", "-1", "--max-step-ms", "-1"],
    ]);
    const before = await vitalsOf(server), slow: string[] = [];
    for (const [name, path, body, status] of ATTACKS) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const times: number[] = [];
      while (times.length < NUM_RUNS) {
        times.push(
          await longestTurnMs(server, async () => {
            const response = await fetch(`${server.url}${path}`, {
              method: "POST",
              headers: { "Content-Type": "application/json" },
              body: text,
              signal: AbortSignal.timeout(30_000),
            });
            const answer = await response.text();
            assert.equal(response.status, status, `${name}: ${answer.slice(0, 300)}`);
          }),
        );
      }
      const line = `${name}: ${times.map((ms) => ms.toFixed()).join(", ")} ms`;
      Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
      if (Math.min(...times) > SLACK * MAX_MS) slow.push(line);
    }
    assert.deepEqual(slow, []);
    await assertRecovered(server, before, { maxGrowthBytes: 512 << 20 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
