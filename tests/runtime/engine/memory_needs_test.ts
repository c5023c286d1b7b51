import assert from "node:assert/strict";
import { planVerifier } from "../../../runtime/engine/engine_config.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { FreeMemory } from "../../../runtime/engine/free_memory.ts";
import { memoryNeeds } from "../../../runtime/engine/memory_needs.ts";
import { proposerEntry } from "../../../runtime/speculation/registry.ts";
import { planSpeculation } from "../../../runtime/speculation/setup/speculation_plan.ts";
import type { HeadCheckpoint } from "../../../runtime/contracts/speculation_config.ts";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { loadModel } from "../../../runtime/models/load.ts";
import { verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { withContext } from "../../support/native.ts";
import { defaultArgs, modelConfig } from "../../support/test_engine.ts";

Deno.test("weights take what was foretold", async () => {
  for (const format of ["F32", "BF16", "Q4_1", "Q5_0", "Q8_0"] as const) {
    for (const dtype of ["auto", "float16"] as const) {
      await withTinyCheckpoint({ kind: "gguf", seed: 1, format }, (checkpoint) => {
        const config = verifierConfig(checkpoint, { dtype, featureLayers: [0, 1] });
        const lines: string[] = [];
        withContext("portable", 2, (context) => {
          const { info } = loadModel(context, config, (_, line) => lines.push(line));
          const { weightBytes, kvTokenBytes } = memoryNeeds(config, undefined);
          // Vectors are foretold too, and are no packed matrices.
          const vectors = checkpoint.tensors.values().filter(({ shape }) => shape.length === 1);
          const vectorBytes = vectors.reduce((sum, { shape }) => sum + 4 * shape[0]!, 0);
          assert.equal(weightBytes - vectorBytes, info.weightBytes, `${format}, ${dtype}`);
          assert.equal(kvTokenBytes * config.maxTotalTokens, info.kBytes + info.vBytes);
        });
        assert.ok(lines.some((line) => line.startsWith("Hidden states for the draft head are allocated.")));
      });
    }
  }
});

const target: Checkpoint = {
  path: "m",
  config: { ...modelConfig, hiddenSize: 512, numLayers: 8, headDim: 64, maxPositionEmbeddings: 2048 },
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

function tokensWith(args: Partial<ServerArgs>, free: FreeMemory, withHead = false): number {
  const all = { ...defaultArgs, ...args };
  const { config } = planSpeculation(proposerEntry("EAGLE3"), all, "LlamaForCausalLM");
  const speculation = { ...config, draft: undefined, head, hotTokens: undefined };
  return planVerifier({
    args: all,
    checkpoint: target,
    libraryPath: "none",
    device: "cpu",
    eosTokenIds: [0],
    ...(withHead && { speculation }),
    free,
  }).maxTotalTokens;
}

Deno.test("a pool beyond what is free is refused with what it needs, what is free, and the flag", () => {
  const free = { bytes: 8 * 2 ** 30, boundBy: "host" } as const;
  assert.equal(tokensWith({ maxTotalTokens: 100_000 }, free), 100_000);
  assert.throws(
    () => tokensWith({ maxTotalTokens: 100_000_000 }, free),
    new LoadError(
      "Cannot use --max-total-tokens 100000000: needs 205976549376 bytes (191.83 GB), 8589934592 bytes (8.00 GB) are free on the host",
    ),
  );
});

Deno.test("a model beyond what is free is refused, whatever the flags", () => {
  const free = { bytes: 2 ** 29, boundBy: "cgroup" } as const;
  const message =
    /Cannot load m: needs \d+ bytes \(1\.\d\d GB\), 536870912 bytes .* free in the control group$/;
  for (const args of [{}, { maxTotalTokens: 64 }, { memFractionStatic: 1 }]) {
    assert.throws(() => tokensWith(args, free), message);
  }
});

Deno.test("--mem-fraction-static counts head and hidden states too", () => {
  const free = { bytes: 2 ** 33, boundBy: "host" } as const, memFractionStatic = 0.5;
  const weight = 2 ** 30, kvToken = 2 * 8 * 64 * 2, hiddenToken = 4 * 3 * 512;
  assert.equal(tokensWith({ memFractionStatic }, free), Math.floor((2 ** 32 - weight) / kvToken));
  const headWeight = 2 ** 28 * 1088 / 1024;
  assert.equal(
    tokensWith({ memFractionStatic }, free, true),
    Math.floor((2 ** 32 - weight - headWeight) / (kvToken + kvToken / 8 + hiddenToken)),
  );
  assert.throws(
    () => tokensWith({ memFractionStatic: 0.1 }, free),
    /^LoadError: Cannot use --mem-fraction-static 0\.1: .* take 1\.00 GB, more than that share of the 8\.00 GB/,
  );
});
