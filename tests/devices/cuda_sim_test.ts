/**
 * The server on the CUDA kernels, which a simulator runs.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { simulatorPath } from "../support/cuda_sim.ts";
import { makeDriver } from "../support/fake_driver.ts";
import { MissionModels } from "../support/mission_models.ts";
import { MISSION_ROWS } from "../support/mission_rows.ts";
import { ServerProcess } from "../support/server_process.ts";

const ignore = simulatorPath === undefined;
/** Memory of the simulated device, in bytes: all of it is touched. */
const env = { AERIE_SIM_MEMORY: `${400e6}` };
/** Float32 decides a tiny model's next token clearly, on any device. */
const flags = ["--dtype", "float32", "--kv-cache-dtype", "float32", "--decode-log-interval", "2"];
const simulated = ["--device", "cuda-sim", "--threads", "2", ...flags];
const PROMPTS = ["the cat sat on a mat and", "0 1 2 3", "An engine starts", "Zebra?"];

interface Say {
  readonly prompt: string;
  readonly seed?: number;
}

/** What a server streams. */
async function say(server: ServerProcess, { prompt, seed }: Say): Promise<string> {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const sampling = seed === undefined ? { temperature: 0 } : { temperature: 0.9, top_p: 0.95, seed };
  const stream = await client.chat.completions.create({
    model: "tiny",
    messages: [{ role: "user", content: prompt }],
    max_tokens: 12,
    ...sampling,
    stream: true,
  });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

/** Tokens of a request that asks for all that a sampler does, with their log-probabilities. */
async function draw(server: ServerProcess): Promise<{ tokens: number[]; logprobs: number[] }> {
  const response = await fetch(`${server.url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      text: "an engine starts",
      sampling_params: {
        temperature: 0.8,
        top_k: 40,
        top_p: 0.9,
        min_p: 0.01,
        frequency_penalty: 0.5,
        presence_penalty: 0.2,
        repetition_penalty: 1.1,
        max_new_tokens: 10,
        ignore_eos: true,
        sampling_seed: 5,
      },
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 3,
    }),
  });
  const { meta_info: info, detail } = await response.json();
  assert.equal(response.status, 200, JSON.stringify(detail));
  const all = [...info.input_token_logprobs.slice(1), ...info.output_token_logprobs];
  const tops = [...info.input_top_logprobs.slice(1), ...info.output_top_logprobs].flat();
  const entries: [number, number][] = [...all, ...tops];
  return { tokens: entries.map(([, token]) => token), logprobs: entries.map(([logprob]) => logprob) };
}

/** The same requests alone, then all at once. */
async function sayAll(server: ServerProcess): Promise<string[]> {
  const requests = PROMPTS.map((prompt, i) => i % 2 === 0 ? { prompt } : { prompt, seed: i });
  const alone: string[] = [];
  for (const request of requests) alone.push(await say(server, request));
  const together = await Promise.all(requests.map((request) => say(server, request)));
  assert.deepEqual(together, alone, "neighbours change nothing");
  return alone;
}

Deno.test({ name: "cuda-sim: serves as the CPU does, as captured graphs and without", ignore }, async () => {
  await using models = await MissionModels.write();
  const model = ["--model-path", models.target, "--served-model-name", "tiny"];
  const driver = await makeDriver(`${models.folder}/driver`, { gpus: [[7, 5]] });
  await using cpu = await ServerProcess.start([...model, ...flags], {
    env: { LD_LIBRARY_PATH: driver.folder },
  });
  const expected = await sayAll(cpu);
  assert.ok(new Set(expected).size === PROMPTS.length && expected.every((text) => text !== ""));
  const drawn = await draw(cpu);
  const choice = cpu.log.find((line) => line.includes("--device auto is "));
  assert.match(
    choice!,
    /--device auto is cpu: device 0 has compute capability 7\.5, expected .* 8\.0 or newer$/,
  );
  assert.ok(cpu.log.some((line) => /Decode batch.* cuda graph: False/.test(line)));
  assert.ok(!cpu.log.some((line) => line.includes("cuda graph: True")));

  await using server = await ServerProcess.start([...model, ...simulated, "--cuda-graph-max-bs", "2"], {
    env,
  });
  assert.deepEqual(await sayAll(server), expected);
  const simulatedDraw = await draw(server);
  assert.deepEqual(simulatedDraw.tokens, drawn.tokens);
  const difference = Math.max(
    ...simulatedDraw.logprobs.map((value, i) => Math.abs(value - drawn.logprobs[i]!)),
  );
  assert.ok(difference < 1e-4, `${difference}`);
  const log = server.log.join("\n");
  assert.match(log, /Load weight begin\. avail mem=\d\.\d\d GB[^]*Load weight end\. .*avail mem=\d\.\d\d GB/);
  assert.match(
    log,
    /Capture cuda graph begin\. rows: \[1, 2\].*\n.*Capturing batches \(rows=2 .*: 50% \| 1\/2\n.*100% \| 2\/2\n.*Capture cuda graph end\. Time elapsed: /,
  );
  assert.match(log, /Decode batch\. #running-req: 1, .* cuda graph: True/, "alone");
  assert.match(log, /Decode batch\. #running-req: [34], .* cuda graph: False/, "more than were captured for");
});

Deno.test({ name: "cuda-sim: speculation changes no text", ignore }, async () => {
  await using models = await MissionModels.write();
  const model = ["--model-path", models.target, "--served-model-name", "tiny", ...simulated];
  const tree = ["--speculative-num-steps", "2", "--speculative-eagle-topk", "2"];
  const shape = [...tree, "--speculative-num-draft-tokens", "4"];
  await using plain = await ServerProcess.start(model, { env });
  const expected = await sayAll(plain);
  for (
    const drafting of [
      ["--speculative-algorithm", "EAGLE3", "--speculative-draft-model-path", models.eagle3],
      ["--speculative-algorithm", "NGRAM", "--speculative-ngram-max-bfs-breadth", "2"],
      // It drafts what it would say, so that most is accepted.
      ["--speculative-algorithm", "STANDALONE", "--speculative-draft-model-path", models.target],
    ]
  ) {
    // Prompts in chunks, and fewer pages than four requests want at once.
    const small = ["--chunked-prefill-size", "16", "--max-total-tokens", "160"];
    await using server = await ServerProcess.start([...model, ...drafting, ...shape, ...small], { env });
    assert.deepEqual(await sayAll(server), expected, drafting.join(" "));
    const lines = server.log.map((entry) =>
      /accept len: (\d\.\d\d), accept rate: \d\.\d\d, cuda graph: True/.exec(entry)
    );
    const longest = Math.max(...lines.map((found) => Number(found?.[1] ?? 0)));
    const isOwn = drafting.includes("STANDALONE");
    assert.ok(longest >= (isOwn ? 2.5 : 1), `accept length ${longest} of ${drafting.join(" ")}`);
    const drafts = server.log.filter((entry) => entry.includes("Capture draft"));
    const pools = server.log.filter((entry) => entry.includes("KV Cache is allocated."));
    assert.equal(pools.length, drafting.includes("NGRAM") ? 1 : 2, "of target and draft");
    assert.equal(drafts.length, drafting.includes("NGRAM") ? 0 : 4, "graphs of the draft, its extend too");
    const uses = server.log.filter((entry) => /Memory of the (target|draft): \d\.\d{3} GB\. /.test(entry));
    assert.equal(uses.length, pools.length, "what memory is used for");
  }
});

for (const { name, line } of MISSION_ROWS) {
  Deno.test(
    { name: `cuda-sim: the mission's command line for ${name} starts and answers`, ignore },
    async () => {
      await using models = await MissionModels.write();
      const args = [...models.argumentsOf(line), "--device", "cuda-sim", "--skip-server-warmup"];
      await using server = await ServerProcess.start(args, { env });
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ prompt: "the cat", max_tokens: 2, temperature: 0 }),
      });
      const { choices } = await response.json();
      assert.equal(response.status, 200);
      assert.notEqual(choices[0].text, "");
      const numDraftTokens = Number(/num-draft-tokens (\d+)/.exec(line)![1]);
      const sequences = /cuda-graph-max-bs (\d+)/.exec(line)?.[1] ?? "4";
      const capture = server.log.find((entry) => entry.includes("Capture cuda graph begin"));
      assert.ok(capture!.includes(` ${Number(sequences) * numDraftTokens}], avail`), capture);
    },
  );
}
