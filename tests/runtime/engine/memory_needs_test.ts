import assert from "node:assert/strict";
import { planVerifier } from "../../../runtime/engine/engine_config.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { FreeMemory } from "../../../runtime/engine/device_memory.ts";
import { type MemoryConfig, memoryNeeds } from "../../../runtime/engine/memory_needs.ts";
import { proposerEntry } from "../../../runtime/speculation/registry.ts";
import { planSpeculation } from "../../../runtime/speculation/setup/speculation_plan.ts";
import type { HeadCheckpoint } from "../../../runtime/contracts/speculation_config.ts";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { ARCHITECTURES } from "../../../runtime/architectures/registry.ts";
import { loadModel } from "../../../runtime/models/load.ts";
import { layOut } from "../../../runtime/models/segment_rows.ts";
import { TargetRunner } from "../../../runtime/models/target_runner.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";
import { verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import type { StorageFormat } from "../../../runtime/contracts/storage_format.ts";
import { blockOf } from "../../../runtime/tensor_files/formats.ts";
import { BatchArrays } from "../../../ffi/batch.ts";
import { Context } from "../../../ffi/context.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { draftLimits } from "../../../runtime/speculation/draft_network.ts";
import { isSimulatorBuilt, openSimulated, simulatorPath } from "../../support/cuda_sim.ts";
import { libraryPath, mapBytes, withIsa } from "../../support/native.ts";
import { defaultArgs, modelConfig } from "../../support/test_engine.ts";

/** Compares what a tiny model takes in `context` with what was foretold for its device. */
async function compareWeights(format: StorageFormat, dtype: VerifierConfig["dtype"], open: () => Context) {
  const config = blockOf(format).elements > 64 ? { hiddenSize: 256, intermediateSize: 256, headDim: 64 } : {};
  await withTinyCheckpoint({ kind: "gguf", seed: 1, format, config }, (checkpoint) => {
    using context = open();
    const device = context.describe().startsWith("cuda-sim") ? "cuda-sim" : "cpu";
    const config = verifierConfig(checkpoint, { device, dtype, featureLayers: [0, 1] });
    const lines: string[] = [];
    const { info } = loadModel(context, config, (_, line) => lines.push(line));
    const { weightBytes, kvTokenBytes } = memoryNeeds(config, undefined);
    // Vectors are foretold too, and are no packed matrices.
    const vectors = checkpoint.tensors.values().filter(({ shape }) => shape.length === 1);
    const vectorBytes = vectors.reduce((sum, { shape }) => sum + 4 * shape[0]!, 0);
    assert.equal(weightBytes - vectorBytes, info.weightBytes, `${format}, ${dtype}`);
    assert.equal(kvTokenBytes * config.maxTotalTokens, info.kBytes + info.vBytes);
    assert.ok(lines.some((line) => line.startsWith("Hidden states for the draft head are allocated.")));
  });
}

const LOW_BIT = ["Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "MXFP4"] as const;

Deno.test("weights take what was foretold", async () => {
  const open = () => withIsa("portable", () => new Context(libraryPath, { device: "cpu", threads: 2 }));
  for (const format of ["F32", "BF16", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K", ...LOW_BIT] as const) {
    for (const dtype of ["auto", "float16"] as const) await compareWeights(format, dtype, open);
  }
});

Deno.test("weights of every architecture take what was foretold", async () => {
  for (const { name } of ARCHITECTURES) {
    const options = { kind: "safetensors", seed: 1, config: { architecture: name } } as const;
    await withTinyCheckpoint(options, (checkpoint) => {
      using context = new Context(libraryPath, { device: "cpu", threads: 1 });
      const config = verifierConfig(checkpoint), { info } = loadModel(context, config, () => {});
      const vectors = checkpoint.tensors.values().filter(({ shape }) => shape.length === 1);
      const vectorBytes = vectors.reduce((sum, { shape }) => sum + 4 * shape[0]!, 0);
      assert.equal(memoryNeeds(config, undefined).weightBytes - vectorBytes, info.weightBytes, name);
    });
  }
});

Deno.test({
  name: "weights take what was foretold on CUDA, too",
  ignore: !isSimulatorBuilt,
  async fn() {
    const simple = ["F32", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const;
    for (const format of [...simple, "Q4_K", "Q5_K", "Q6_K", ...LOW_BIT] as const) {
      await compareWeights(format, "auto", openSimulated);
    }
    await compareWeights("BF16", "float32", openSimulated);
  },
});

/** A forward of two rows of a model of one number each, in a batch that is easy to count. */
const SMALL = {
  checkpoint: {
    path: "s",
    config: {
      ...modelConfig,
      hiddenSize: 100,
      intermediateSize: 10,
      numLayers: 3,
      numHeads: 2,
      numKvHeads: 1,
      headDim: 5,
      rope: { theta: 10000, rotaryDim: 4 },
      vocabSize: 1000,
    },
    tensors: new Map(),
    files: [],
    dtype: "F32",
  },
  device: "cpu",
  dtype: "auto",
  kvDtype: "bfloat16",
  pageSize: 4,
  contextLength: 10,
  maxRows: 2,
  maxOutputs: 1,
  maxRunningRequests: 3,
  maxNodes: 3,
} as const;

/** Bytes of a batch: 28 a row, segment starts, 4 pages of a segment (10 tokens and 3 nodes), outputs. */
const batchBytes = (rows: number, outputs: number) => 28 * rows + 4 * (3 + 1) + 4 * 3 * 4 + 4 * outputs;

Deno.test("a forward takes its activations, its logits and four batches", () => {
  const { activationBytes, ...needs } = memoryNeeds(SMALL, undefined);
  const perRow = 2 * 100 + (2 * 2 + 2 * 1) * 5 + 4 + 3 * 10;
  assert.equal(activationBytes, 4 * (2 * perRow + 2 * 100 + 1000) + 4 * batchBytes(2, 1));
  const { checkpoint } = SMALL, localRope = { theta: 1, rotaryDim: 2 };
  const withLocal = { ...SMALL, checkpoint: { ...checkpoint, config: { ...checkpoint.config, localRope } } };
  assert.equal(memoryNeeds(withLocal, undefined).activationBytes, activationBytes + 4 * 2 * 2);
  assert.deepEqual(needs, {
    weightBytes: 0,
    draftWeightBytes: 0,
    kvTokenBytes: 2 * 3 * 5 * 2,
    draftKvTokenBytes: 0,
    hiddenTokenBytes: 0,
  });
  assert.equal(memoryNeeds({ ...SMALL, kvDtype: "float32" }, undefined).kvTokenBytes, 2 * 3 * 5 * 4);
});

Deno.test("logits exist 256 rows at a time", () => {
  const bytesOf = (maxOutputs: number) => memoryNeeds({ ...SMALL, maxOutputs }, undefined).activationBytes;
  // Gathered hidden states, before and after the norm, and the output's place in four batches.
  const perOutput = 4 * 2 * 100 + 4 * 4;
  assert.equal(bytesOf(256) - bytesOf(255), perOutput + 4 * 1000);
  assert.equal(bytesOf(257) - bytesOf(256), perOutput);
  assert.equal(bytesOf(1000) - bytesOf(256), 744 * perOutput);
});

Deno.test("a scale of logits and the masks of a device are counted", () => {
  const bytesOf = (config: MemoryConfig) => memoryNeeds(config, undefined).activationBytes;
  const { checkpoint } = SMALL, scaled = { ...checkpoint, config: { ...checkpoint.config, logitScale: 2 } };
  assert.equal(bytesOf({ ...SMALL, checkpoint: scaled }) - bytesOf(SMALL), SMALL.maxOutputs * 4 * 100);
  const onDevice = (maxOutputs: number) =>
    bytesOf({ ...SMALL, device: "cuda", maxOutputs }) - bytesOf({ ...SMALL, maxOutputs }) - (64 << 20);
  assert.equal(onDevice(1), 128);
  assert.equal(onDevice(33), 8192, "33 masks of 32 words");
});

Deno.test("a head takes weights, KV, the states of its layers and pages to grow trees in", () => {
  const { config } = planSpeculation(
    proposerEntry("EAGLE3"),
    { ...defaultArgs, speculativeEagleTopk: 2 },
    "LlamaForCausalLM",
  );
  const small = { ...head, config: { ...SMALL.checkpoint.config, numLayers: 1, vocabSize: 50 } };
  const speculation = { ...config, draft: undefined, head: small, hotTokens: undefined };
  const pool = { maxSequences: 3, numPages: 0, pageSize: 4, contextLength: 10 };
  const limits = draftLimits(pool, config.topk);
  const needs = memoryNeeds(SMALL, speculation), plain = memoryNeeds(SMALL, undefined);
  assert.equal(needs.draftWeightBytes, 2 ** 28 * 1088 / 1024);
  assert.equal(needs.draftKvTokenBytes, 2 * 1 * 5 * 2);
  assert.equal(needs.hiddenTokenBytes, 3 * 100 * 2, "three layers, two bytes a number");
  const { rows, outputs } = limits.batch;
  const perRow = 2 * 100 + (2 * 2 + 2 * 1) * 5 + 4 + 3 * 10, gathered = 3 * 100;
  const floats = rows * (perRow + gathered) + outputs * (2 * 100 + 50);
  const treeBytes = limits.numPages * 4 * needs.draftKvTokenBytes;
  assert.equal(
    needs.activationBytes - plain.activationBytes,
    4 * floats + 4 * BatchArrays.bytes(limits.batch) + treeBytes,
  );
});

Deno.test({
  name: "a head's weights take what was foretold, in int8",
  ignore: !isSimulatorBuilt,
  fn() {
    const [rows, cols] = [64, 256], w = target.tensors.get("w")!;
    const small = { ...head, tensors: new Map([["w", { ...w, shape: [rows, cols] }]]) };
    const { config } = planSpeculation(proposerEntry("EAGLE3"), defaultArgs, "LlamaForCausalLM");
    for (const device of ["cpu", "cuda-sim"] as const) {
      using context = device === "cpu" ? new Context(libraryPath, { device, threads: 1 }) : openSimulated();
      const weight = context.createWeight(rows, cols);
      const file = mapBytes(context, new Uint8Array(4 * rows * cols));
      context.appendWeight(weight, { file, offset: 0, format: "F32" }, rows, 0);
      context.packWeight(weight, "int8");
      const needs = memoryNeeds({ ...SMALL, device }, {
        ...config,
        draft: undefined,
        head: small,
        hotTokens: undefined,
      });
      assert.equal(needs.draftWeightBytes, context.weightBytes(weight), device);
    }
  },
});

for (const architecture of ["LlamaForCausalLM", "Gemma3ForCausalLM", "Olmo2ForCausalLM"]) {
  Deno.test({
    name: `a model takes no more of a device than was foretold: ${architecture}`,
    ignore: !isSimulatorBuilt,
    fn: () =>
      withTinyCheckpoint(
        { kind: "safetensors", seed: 1, format: "BF16", config: { architecture } },
        (checkpoint) => {
          using before = openSimulated();
          const sizes = { maxRows: 300, maxOutputs: 300, contextLength: 8192, maxTotalTokens: 8192 };
          const config = verifierConfig(checkpoint, {
            device: "cuda-sim",
            libraryPath: simulatorPath!,
            ...sizes,
          });
          const freeBytes = before.memory().freeBytes;
          using runner = new TargetRunner(config, { log: () => {}, clock: new SimulatedClock() });
          // With the most masks that there can be.
          const words = new Uint32Array(sizes.maxOutputs * Math.ceil(checkpoint.config.vocabSize / 32));
          const tokens = Int32Array.of(1), request = { requestId: "r", tokens };
          const sampling = new SequenceSampling(
            { ...request, sampling: defaultSamplingParams, numPromptTokens: 1 },
            [],
          );
          runner.runModel(layOut([{ ...request, start: 0, pages: Int32Array.of(0), sample: true }]));
          runner.draw([{ sampling, position: 1, target: -1, mask: 0 }], { words });
          assert.equal(runner.sampler.tokenAt(0), -1, "no mask lets a token come");
          const taken = freeBytes - before.memory().freeBytes, needs = memoryNeeds(config, undefined);
          const poolBytes = needs.kvTokenBytes * config.maxTotalTokens;
          assert.ok(taken > needs.weightBytes + poolBytes, `${taken} bytes`);
          assert.ok(taken <= needs.weightBytes + poolBytes + needs.activationBytes, `${taken} bytes`);
        },
      ),
  });
}

const target: Checkpoint = {
  path: "m",
  config: {
    ...modelConfig,
    hiddenSize: 512,
    numLayers: 8,
    headDim: 64,
    rope: { theta: 10000, rotaryDim: 64 },
    maxPositionEmbeddings: 2048,
  },
  tensors: new Map([["w", {
    name: "w",
    file: "f",
    offset: 0,
    bytes: 4 * 2 ** 28,
    format: "F32",
    shape: [2 ** 14, 2 ** 14],
    rowOrder: "plain",
  }]]),
  files: ["f"],
  dtype: "F32",
};
const head: HeadCheckpoint = {
  ...target,
  path: "h",
  config: { ...target.config, numLayers: 1 },
  head: {
    kind: "eagle3",
    featureLayers: [1, 4, 6],
    draftTokens: undefined,
    normBeforeResidual: false,
    normOutput: false,
  },
};

function tokensWith(
  args: Partial<ServerArgs>,
  free: FreeMemory,
  { withHead = false, device = "cpu" }: { withHead?: boolean; device?: VerifierConfig["device"] } = {},
): number {
  const all = { ...defaultArgs, ...args };
  const { config } = planSpeculation(proposerEntry("EAGLE3"), all, "LlamaForCausalLM");
  const speculation = { ...config, draft: undefined, head, hotTokens: undefined };
  return planVerifier({
    args: all,
    checkpoint: target,
    libraryPath: "none",
    device,
    eosTokenIds: [0],
    ...(withHead && { speculation }),
    free,
  }).maxTotalTokens;
}

Deno.test("a pool beyond what is free is refused with what it needs, what is free, and the flag", () => {
  const free = { bytes: 8 * 2 ** 30, boundBy: "host" } as const;
  assert.equal(tokensWith({ maxTotalTokens: 3_619_736 }, free), 3_619_736);
  assert.throws(
    () => tokensWith({ maxTotalTokens: 100_000_000 }, free),
    new LoadError(
      "Cannot use --max-total-tokens 100000000: needs 205976714256 bytes (191.83 GB), 8589934592 bytes (8.00 GB) are free on the host, --max-total-tokens 3619736 fits",
    ),
  );
});

Deno.test("a model beyond what is free is refused, whatever the flags", () => {
  const free = { bytes: 2 ** 29, boundBy: "cgroup" } as const;
  const message =
    /Cannot load m: needs \d+ bytes \(1\.\d\d GB\), 536870912 bytes .* free in the control group, 1\.00 GB of it for weights: --dtype/;
  for (const args of [{}, { maxTotalTokens: 64 }, { memFractionStatic: 1 }]) {
    assert.throws(() => tokensWith(args, free), message);
  }
});

Deno.test("what does not fit is refused with what makes it fit", () => {
  const free = { bytes: 2 ** 31, boundBy: "device" } as const;
  assert.throws(
    () => tokensWith({ maxRunningRequests: 4096, chunkedPrefillSize: 2 ** 20 }, free),
    /^LoadError: Cannot load m: needs .* are free on the device, most of it for forwards: .* --max-running-requests/,
  );
});

Deno.test("without flags a GPU's pool takes what weights leave of 88 % of its memory", () => {
  const free = { bytes: 2 ** 35, boundBy: "device" } as const, weight = 2 ** 30, kvToken = 2 * 8 * 64 * 2;
  assert.equal(tokensWith({}, free, { device: "cuda" }), Math.floor((2 ** 35 * 0.88 - weight) / kvToken));
});

Deno.test("--mem-fraction-static counts head and hidden states too", () => {
  const free = { bytes: 2 ** 33, boundBy: "host" } as const, memFractionStatic = 0.5;
  const weight = 2 ** 30, kvToken = 2 * 8 * 64 * 2, hiddenToken = 2 * 3 * 512;
  assert.equal(tokensWith({ memFractionStatic }, free), Math.floor((2 ** 32 - weight) / kvToken));
  const headWeight = 2 ** 28 * 1088 / 1024;
  assert.equal(
    tokensWith({ memFractionStatic }, free, { withHead: true }),
    Math.floor((2 ** 32 - weight - headWeight) / (kvToken + kvToken / 8 + hiddenToken)),
  );
  assert.throws(
    () => tokensWith({ memFractionStatic: 0.1 }, free),
    /^LoadError: Cannot use --mem-fraction-static 0\.1: .* take 1\.00 GB, more than that share of the 8\.00 GB/,
  );
});
