/**
 * What flags and checkpoint become: the configuration of verifier and scheduler.
 *
 * @module
 */
import { proposerEntry } from "../../../runtime/speculation/registry.ts";
import assert from "node:assert/strict";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { endTokens, planScheduler, planVerifier } from "../../../runtime/engine/engine_config.ts";
import { planSpeculation } from "../../../runtime/speculation/setup/speculation_plan.ts";
import { libraryPath } from "../../support/native.ts";
import { defaultArgs, modelConfig } from "../../support/test_engine.ts";

const costs = { sizes: [1], ms: [1] };
const handles = { context: 1, embedding: 2, lmHead: 3, features: 0 };
const info = { numPages: 99, kBytes: 1, vBytes: 1, weightBytes: 1, featureBytes: 0, backend: "cpu", handles };

function checkpointOf(config: Partial<typeof modelConfig> = {}) {
  return {
    path: "m",
    config: { ...modelConfig, maxPositionEmbeddings: 2048, ...config },
    tensors: new Map(),
    files: [],
    dtype: "F32",
  };
}

function plan(args: Partial<ServerArgs>, maxPositionEmbeddings = 2048) {
  return planVerifier({
    args: { ...defaultArgs, ...args },
    checkpoint: checkpointOf({ maxPositionEmbeddings }),
    libraryPath,
    device: "cpu",
    eosTokenIds: [0],
  });
}

Deno.test("flags and model settle what the verifier is started with", () => {
  const byDefault = plan({});
  assert.equal(byDefault.contextLength, 2048);
  assert.equal(byDefault.maxTotalTokens, 8 * 2048);
  assert.equal(byDefault.maxRows, 256 + 32);
  assert.equal(byDefault.kvDtype, "bfloat16");
  assert.equal(plan({ kvCacheDtype: "float16" }).kvDtype, "float16");
  assert.ok(byDefault.threads >= 1);
  assert.equal(plan({ chunkedPrefillSize: -1, maxRunningRequests: 3 }).maxRows, 2048 + 3);
  assert.equal(plan({ maxRunningRequests: 100 }).maxOutputs, 100);
  const ratio = plan({ memFractionStatic: 0.5 }).maxTotalTokens /
    plan({ memFractionStatic: 0.1 }).maxTotalTokens;
  assert.ok(ratio > 4 && ratio < 6, `${ratio}`);
  assert.ok(plan({ pageSize: 4096 }, 2 ** 30).maxTotalTokens < 2 ** 30, "the pool fits memory");
  assert.throws(() => plan({}, 2 ** 45), /Cannot use --context-length 35184372088832: expected at most 2147/);
  assert.throws(() => plan({ maxTotalTokens: 2 ** 32 + 16 }), /Cannot use --max-total-tokens 4294967312: /);
  assert.throws(() => plan({ contextLength: 4096 }), /Cannot use context length 4096: the model's is 2048/);
  assert.throws(() => plan({ maxTotalTokens: 3 }), LoadError);
});

Deno.test("graphs are captured for a GPU alone, by its memory or by what the flags say", () => {
  const gigabytes = (count: number) => ({ bytes: count * 2 ** 30, boundBy: "device" }) as const;
  const graphsOf = (args: Partial<ServerArgs>, device: "cpu" | "cuda" | "cuda-sim", size: number) =>
    planVerifier({
      args: { ...defaultArgs, ...args },
      checkpoint: checkpointOf(),
      libraryPath,
      device,
      eosTokenIds: [0],
      free: gigabytes(size),
    }).graphSequences;
  const byMemory = [16, 30, 45, 79, 140].map((size) => graphsOf({}, "cuda", size));
  assert.deepEqual(byMemory, [8, 24, 32, 256, 256]);
  assert.equal(graphsOf({}, "cuda-sim", 8), 4);
  assert.equal(graphsOf({ cudaGraphMaxBs: 2 }, "cuda", 80), 2);
  assert.equal(graphsOf({ cudaGraphMaxBs: 64, maxRunningRequests: 3 }, "cuda", 80), 3);
  assert.equal(graphsOf({ disableCudaGraph: true }, "cuda", 80), undefined);
  assert.equal(graphsOf({ cudaGraphMaxBs: 8 }, "cpu", 80), undefined);
  Deno.env.set("AERIE_CUDA_SYNC", "1");
  try {
    assert.equal(graphsOf({}, "cuda", 80), undefined, "the library would launch none");
  } finally {
    Deno.env.delete("AERIE_CUDA_SYNC");
  }
});

Deno.test("a head width that no kernel has is refused by name", () => {
  const planOf = (headDim: number, device: "cpu" | "cuda-sim") =>
    planVerifier({
      args: defaultArgs,
      checkpoint: checkpointOf({ headDim }),
      libraryPath,
      device,
      eosTokenIds: [0],
      free: { bytes: 2 ** 33, boundBy: "device" },
    });
  const refusal = (headDim: number, most: number) =>
    new LoadError(`Cannot load m: head_dim is ${headDim}, expected a multiple of 16 up to ${most}`);
  assert.throws(() => planOf(24, "cpu"), refusal(24, 512));
  assert.throws(() => planOf(24, "cuda-sim"), refusal(24, 256));
  assert.throws(() => planOf(320, "cuda-sim"), refusal(320, 256));
  assert.equal(planOf(320, "cpu").device, "cpu");
});

Deno.test("threads that the command line names are used as they are", () => {
  assert.deepEqual([plan({}).mayUseFewerThreads, plan({ threads: 3 }).mayUseFewerThreads], [true, false]);
  assert.equal(plan({ threads: 3 }).threads, 3);
  const onGpu = planVerifier({
    args: defaultArgs,
    checkpoint: checkpointOf(),
    libraryPath,
    device: "cuda",
    eosTokenIds: [0],
    free: { bytes: 2 ** 36, boundBy: "device" },
  });
  assert.equal(onGpu.mayUseFewerThreads, false, "a GPU's speed does not depend on them");
});

Deno.test("with speculation a step has rows and outputs for a tree of every request", () => {
  const args = { ...defaultArgs, maxRunningRequests: 4, speculativeNumDraftTokens: 24 };
  const { config } = planSpeculation(proposerEntry("NGRAM"), args, "LlamaForCausalLM");
  const speculation = { ...config, draft: undefined, head: undefined, hotTokens: undefined };
  const planned = planVerifier({
    args,
    checkpoint: checkpointOf(),
    libraryPath,
    device: "cpu",
    eosTokenIds: [0],
    speculation,
  });
  assert.deepEqual([planned.maxRows, planned.maxOutputs, planned.maxNodes], [256 + 4 * 24, 4 * 24, 23]);
  assert.deepEqual(planned.featureLayers, []);
  assert.equal(plan({ maxRunningRequests: 4 }).maxNodes, 0);
});

Deno.test("the scheduler knows what the verifier found, and drafts only where their cost is known", () => {
  const args = { ...defaultArgs, maxQueuedRequests: 9 }, verifier = plan({});
  const { config } = planSpeculation(proposerEntry("NGRAM"), args, "LlamaForCausalLM");
  const speculation = { ...config, draft: undefined, head: undefined, hotTokens: undefined };
  const drafts = { speculation, draftMs: { firstMs: costs, levelMs: costs, tokenMs: 0 } };
  const plain = planScheduler(args, verifier, info, drafts);
  assert.deepEqual([plain.numPages, plain.maxRows, plain.contextLength], [99, 288, 2048]);
  assert.deepEqual([plain.maxQueuedRequests, plain.maxQueuedPerClient], [9, 5]);
  assert.equal(plain.drafting, undefined, "nothing was measured");
  const measured = { ...info, forwardMs: costs, contextMs: { perSequence: 1, perRow: 2 } };
  const { drafting } = planScheduler(args, verifier, measured, drafts);
  assert.equal(drafting?.numNodes, config.numDraftTokens - 1);
  assert.equal(drafting?.contextMs.perRow, 2);
  assert.equal(planScheduler(args, verifier, measured).drafting, undefined);
});

Deno.test("ends are the model's and the tokenizer's, each once, those without logits left out", () => {
  assert.deepEqual(endTokens(checkpointOf({ vocabSize: 12, eosTokenIds: [3, 12] }), [3, 5, 900]), [3, 5]);
});

Deno.test("where texts are pooled by mean, every row of a chunk may be an output", () => {
  const outputsWith = (pooling: "last" | "mean") =>
    planVerifier({
      args: { ...defaultArgs, maxRunningRequests: 4, chunkedPrefillSize: 300 },
      checkpoint: { ...checkpointOf(), embedding: { pooling, isNormalised: true } },
      libraryPath,
      device: "cpu",
      eosTokenIds: [0],
    }).maxOutputs;
  assert.deepEqual([outputsWith("last"), outputsWith("mean")], [64, 300]);
});
