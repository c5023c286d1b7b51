import assert from "node:assert/strict";
import { type ActorCrashedError, LoadError } from "../../../runtime/contracts/errors.ts";
import { fakeVerifier, hashModel } from "../../support/fake_verifier.ts";
import { collect, modelConfig, requestOf, startTestEngine } from "../../support/test_engine.ts";

const ENDLESS = { maxTokens: 200, ignoreEos: true };

Deno.test("a crash fails every live request, and later ones, with a typed error", async () => {
  const crashes: ActorCrashedError[] = [];
  let numForwards = 0;
  await using engine = await startTestEngine({
    onForward: () => {
      if (++numForwards === 4) throw new Error("out of pages");
    },
    engine: { onCrash: (error) => void crashes.push(error) },
  });
  assert.ok(engine.ready);
  const outcomes = await Promise.allSettled(
    ["a", "b", "c"].map((requestId) => collect(engine.generate(requestOf(requestId, [1], ENDLESS)))),
  );
  for (const outcome of outcomes) {
    assert.equal(outcome.status, "rejected");
    assert.equal(outcome.reason.code, "actor_crashed");
    assert.equal(outcome.reason.message, "Actor verifier crashed: out of pages");
  }
  assert.equal(engine.ready, false);
  assert.deepEqual(crashes.map(({ details }) => details.actor), ["verifier"]);
  await assert.rejects(collect(engine.generate(requestOf("late", [1]))), { code: "unavailable" });
  await assert.rejects(engine.schedulerState(), { code: "unavailable" });
});

Deno.test("stop fails live requests as unavailable and refuses new ones", async () => {
  const engine = await startTestEngine();
  const updates = engine.generate(requestOf("r", [1], ENDLESS))[Symbol.asyncIterator]();
  await updates.next();
  const stopped = engine.stop();
  await assert.rejects(updates.next(), {
    code: "unavailable",
    message: "Cannot finish request: the server is shutting down",
  });
  assert.equal(engine.ready, false);
  await assert.rejects(collect(engine.generate(requestOf("late", [1]))), { code: "unavailable" });
  await stopped;
  await engine.stop();
});

Deno.test("a start that fails says why and leaves nothing running", async () => {
  const broken = { ...fakeVerifier({ next: hashModel(4) }) };
  broken.start = () => {
    throw new LoadError("Cannot load tensor lm_head.weight: file ends early");
  };
  await assert.rejects(startTestEngine({ parts: { verifier: () => broken } }), {
    name: "LoadError",
    code: "cannot_load",
    message: "Cannot load tensor lm_head.weight: file ends early",
  });
});

Deno.test("a start that fails in a Worker says why and ends every thread", async () => {
  await assert.rejects(
    startTestEngine({ engine: { placement: "worker" } }),
    /^LoadError: Cannot find tensor: model.embed_tokens.weight in test-model/,
  );
  await assert.rejects(
    startTestEngine({ engine: { placement: "worker", libraryPath: "/absent/libaerie.so" } }),
    /^LoadError: Cannot load test-model: Cannot open native library: \/absent\/libaerie\.so/,
  );
});

Deno.test("start logs the sizes in effect", async () => {
  const lines: string[] = [];
  await using engine = await startTestEngine({
    args: { maxTotalTokens: 203, contextLength: 100, maxRunningRequests: 5, chunkedPrefillSize: 32 },
    engine: { log: (level, text) => void lines.push(`${level} ${text}`) },
  });
  const line = lines.find((candidate) => candidate.includes("max_total_num_tokens"));
  assert.equal(
    line,
    "info max_total_num_tokens=200, chunked_prefill_size=32, max_prefill_tokens=16384, max_running_requests=5, " +
      "context_len=100",
  );
  assert.equal(engine.model.contextLength, 100);
});

Deno.test("serverInfo shows arguments in effect and counters, but not the API key", async () => {
  await using engine = await startTestEngine({
    args: { apiKey: "sk-secret", maxTotalTokens: 400, threads: 3, modelPath: "some/model" },
  });
  await collect(engine.generate(requestOf("r", [1, 2], { maxTokens: 5, ignoreEos: true })));
  const { record: info } = await engine.serverInfo();
  assert.ok(!JSON.stringify(info).includes("sk-secret"));
  assert.ok(!("api_key" in info));
  assert.equal(info.max_total_num_tokens, 400);
  assert.equal(info.chunked_prefill_size, 256);
  assert.equal(info.context_length, 256);
  assert.equal(info.threads, 3);
  assert.equal(info.model_path, "test-model");
  assert.match(String(info.version), /^\d+\.\d+\.\d+$/);
  const [state] = info.internal_states as Record<string, unknown>[];
  const { resident, ...told } = state!["memory_usage"] as Record<string, number>;
  assert.ok(resident! > 0);
  assert.deepEqual(told, {
    weight: 0.5,
    kvcache: 2,
    "draft_weight": 0,
    "draft_kvcache": 0,
    "hidden_states": 0,
    activations: 0,
    "token_capacity": 400,
  });
  assert.equal(state?.generated_tokens, 5);
  assert.ok("last_gen_throughput" in state!);
});

Deno.test("flushCache empties the radix cache unless requests run", async () => {
  await using engine = await startTestEngine();
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const generate = (requestId: string) =>
    collect(engine.generate(requestOf(requestId, prompt, { maxTokens: 2, ignoreEos: true })));
  const cold = await generate("cold");
  assert.equal(cold.usage.numCachedTokens, 0);
  const warm = await generate("warm");
  assert.equal(warm.usage.numCachedTokens, 8);
  assert.equal(await engine.flushCache(), true);
  assert.equal((await generate("flushed")).usage.numCachedTokens, 0);
  assert.deepEqual(warm.tokens, cold.tokens);

  const updates = engine.generate(requestOf("running", prompt, ENDLESS))[Symbol.asyncIterator]();
  await updates.next();
  assert.equal(await engine.flushCache(), false);
  await updates.return?.();
});

Deno.test("ends that the model has no logits for are left out", async () => {
  const config = { ...modelConfig, vocabSize: 12, eosTokenIds: [3, 12, 1_000_000] };
  await using engine = await startTestEngine({
    engine: { checkpoint: { path: "m", config, tensors: new Map(), files: [], dtype: "F32" } },
  });
  assert.deepEqual(engine.model.eosTokenIds, [3, 0]);
});
