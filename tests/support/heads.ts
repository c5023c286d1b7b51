/**
 * Tiny draft heads beside tiny targets, natively loaded.
 *
 * @module
 */
import type { Checkpoint } from "../../runtime/contracts/checkpoint.ts";
import { loadModel } from "../../runtime/models/load.ts";
import { FEATURE_DTYPE } from "../../runtime/models/model.ts";
import type { DraftHead } from "../../runtime/speculation/draft_head.ts";
import { loadHead } from "../../runtime/speculation/head_proposer.ts";
import type { ProposerLimits, TargetParts } from "../../runtime/speculation/proposer.ts";
import { targetParts } from "../../runtime/speculation/registry.ts";
import type { DraftNetwork } from "../../runtime/speculation/draft_network.ts";
import type { HeadCheckpoint } from "../../runtime/contracts/speculation_config.ts";
import { openDraftHead } from "../../runtime/weights/draft_checkpoint.ts";
import type { Context } from "../../ffi/context.ts";
import { normal, seededRandom } from "./block_formats.ts";
import { ReferenceHead } from "./head_reference.ts";
import { referenceWeights, verifierConfig, withTinyCheckpoint } from "./models.ts";
import { type Isa, withContext } from "./native.ts";
import { roundedToBfloat16 } from "./reference.ts";
import { type TinyHeadOptions, writeTinyHead } from "./tiny_head.ts";

/** Sizes that suffice for tests. */
export const HEAD_LIMITS: ProposerLimits = {
  maxSequences: 4,
  numPages: 24,
  pageSize: 16,
  contextLength: 128,
};

/** A head and its target on disk. */
export interface HeadPair {
  readonly target: Checkpoint;
  readonly head: HeadCheckpoint;
  /** Makes a float64 reference. */
  readonly reference: () => ReferenceHead;
}

/** Runs `body` with a head for a four-layer target; both are deleted afterwards. */
export async function withTinyHead(
  options: Omit<TinyHeadOptions, "target" | "seed">,
  body: (pair: HeadPair) => void | Promise<void>,
): Promise<void> {
  await withTinyCheckpoint({ kind: "safetensors", seed: 3, config: { numLayers: 6 } }, async (target) => {
    const folder = await Deno.makeTempDir();
    try {
      await writeTinyHead(folder, { ...options, seed: 4, target: target.config });
      const head = await openDraftHead({ path: folder, target });
      const weights = referenceWeights(head), targetWeights = referenceWeights(target);
      const reference = () =>
        new ReferenceHead(head, weights, { config: target.config, weights: targetWeights });
      await body({ target, head, reference });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A natively loaded head, and the parts of the target that it uses. */
export interface LoadedHead {
  readonly context: Context;
  readonly drafter: DraftNetwork & { readonly head: DraftHead };
  readonly target: TargetParts;
}

/** Runs `body` with target and head loaded on an instruction set. */
export function withLoadedHead(
  { target, head }: Pick<HeadPair, "target" | "head">,
  isa: Isa,
  body: (loaded: LoadedHead) => void,
  { topk = 4, dtype = "float32", featureDtype = FEATURE_DTYPE, hotTokens }: {
    readonly topk?: number;
    readonly dtype?: "float32" | "int8";
    /** Of the target's hidden states; production has but one. */
    readonly featureDtype?: "float32" | typeof FEATURE_DTYPE;
    readonly hotTokens?: Int32Array;
  } = {},
): void {
  withContext(isa, 2, (context) => {
    const config = verifierConfig(target, {
      featureLayers: head.head.featureLayers,
      maxTotalTokens: HEAD_LIMITS.numPages * HEAD_LIMITS.pageSize,
    });
    const { info } = loadModel(context, config, () => {});
    const numSlots = HEAD_LIMITS.numPages * HEAD_LIMITS.pageSize;
    const width = head.head.featureLayers.length * target.config.hiddenSize;
    const parts = {
      ...targetParts(config, info),
      ...(featureDtype === "float32" && { features: context.createTensor(numSlots, width, featureDtype) }),
    };
    const drafter = loadHead({
      checkpoint: head,
      dtype,
      limits: HEAD_LIMITS,
      topk,
      hotTokens,
      target: parts,
    });
    body({ context, drafter, target: parts });
  });
}

/**
 * Random states for positions of a sequence, [positions, width], written to the feature pool at their slots: numbers that
 * it keeps as they are.
 */
export function writeFeatures(
  { context, target }: LoadedHead,
  { slots, width, seed }: {
    readonly slots: readonly number[];
    readonly width: number;
    readonly seed: number;
  },
): Float32Array[] {
  const random = seededRandom(seed);
  return slots.map((slot) => {
    const row = Float32Array.from(roundedToBfloat16(Array.from({ length: width }, () => normal(random))));
    context.writeTensor(target.features!, row, slot, 1);
    return row;
  });
}

/** The KV slots of positions 0 .. count - 1. */
export function slotsOf(pages: Int32Array, count: number): number[] {
  const { pageSize } = HEAD_LIMITS;
  return Array.from({ length: count }, (_, i) => pages[Math.floor(i / pageSize)]! * pageSize + i % pageSize);
}
