/**
 * A head that knows: a target whose next token depends on the last one alone, and a head that computes just that. Every
 * draft is accepted, so tokens, states and positions are paired right; with a head of noise next to none is.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { SpeculationUsage } from "../../../runtime/contracts/usage.ts";
import { openCheckpoint, type OpenedCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { readSafetensors } from "../../../runtime/tensor_files/safetensors.ts";
import { start } from "../../support/law.ts";
import type { SafetensorsData } from "../../support/safetensors_writer.ts";
import { collect, requestOf } from "../../support/test_engine.ts";
import { type TinyHeadOptions, writeTinyHead } from "../../support/tiny_head.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

const NUM_STEPS = 4, NUM_TOKENS = 41;

/** Rewrites float32 tensors whose names match; `value` is given row and column. */
type Rewrite = readonly [name: RegExp, value: (row: number, col: number) => number];

/** Layers that add nothing: the state stays the embedding of the row's token. Norms that only scale. */
const IDLE: readonly Rewrite[] = [[/(o_proj|down_proj)\.weight$/, () => 0], [/norm\.weight$/, () => 1]];

function rewrite(bytes: Uint8Array, cols: number, name: string, rewrites: readonly Rewrite[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [pattern, value] of rewrites) {
    if (!pattern.test(name)) continue;
    for (let i = 0; i < bytes.length / 4; i++) {
      view.setFloat32(4 * i, value(Math.floor(i / cols), i % cols), true);
    }
  }
}

/** Runs `body` with the folder of a target whose next token is a function of the last. */
async function withMemorylessTarget(
  body: (target: OpenedCheckpoint, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "target"), config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
    await writeTinyModel(path, { kind: "safetensors", seed: 6, config });
    const file = join(path, "model.safetensors"), bytes = await Deno.readFile(file);
    for (const { name, offset, bytes: length, shape } of readSafetensors(file)) {
      rewrite(bytes.subarray(offset, offset + length), shape.at(-1)!, name, IDLE);
    }
    await Deno.writeFile(file, bytes);
    await body(await openCheckpoint(await resolveModel(path)), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What speculation did for a greedy request. */
async function speculate(
  target: OpenedCheckpoint,
  folder: string,
  head: Pick<TinyHeadOptions, "seed" | "change">,
): Promise<SpeculationUsage> {
  const path = join(folder, `head ${head.seed}`);
  await writeTinyHead(path, { ...head, kind: "eagle", target: target.checkpoint.config });
  await using engine = await start({ target }, {
    maxTotalTokens: 1024,
    speculativeAlgorithm: "EAGLE",
    speculativeDraftModelPath: path,
    speculativeNumSteps: NUM_STEPS,
    speculativeEagleTopk: 1,
  });
  const request = requestOf("r", [20, 45, 300, 12], {
    temperature: 0,
    maxTokens: NUM_TOKENS,
    ignoreEos: true,
  });
  const { tokens, usage } = await collect(engine.generate(request));
  assert.equal(tokens.length, NUM_TOKENS);
  return usage.speculation!;
}

Deno.test("a head that knows the next token has every draft accepted", () =>
  withMemorylessTarget(async (target, folder) => {
    // fc takes the embedding as it is and leaves the state out.
    const knowing = (tensors: Map<string, SafetensorsData>) => {
      const identity: Rewrite = [/^fc\.weight$/, (row, col) => Number(row === col)];
      for (const [name, { bytes, shape }] of tensors) {
        rewrite(bytes, shape.at(-1)!, name, [...IDLE, identity]);
      }
    };
    const { numVerifications, numProposed, numAccepted } = await speculate(target, folder, {
      seed: 1,
      change: knowing,
    });
    // The first token comes from prefill, then each round yields a whole chain and one more.
    assert.equal(numVerifications, (NUM_TOKENS - 1) / (NUM_STEPS + 1));
    assert.equal(numAccepted, numProposed);
  }));

Deno.test("a head of noise has next to none accepted", () =>
  withMemorylessTarget(async (target, folder) => {
    const { numVerifications, numAccepted } = await speculate(target, folder, { seed: 2 });
    assert.ok(numAccepted < 0.1 * numVerifications, `${numAccepted} of ${numVerifications} rounds`);
  }));
