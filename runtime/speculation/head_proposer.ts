/**
 * Proposers that draft with a head of the target (EAGLE-1 and 2, arXiv 2401.15077 and 2406.16858; EAGLE-3, 2503.01840;
 * multi-token prediction, 2505.07608). The head is loaded into the target's context.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { availableMemory, kvLine } from "../models/load.ts";
import { FEATURE_DTYPE } from "../models/model.ts";
import { Weights, type WeightStore } from "../nn/weights.ts";
import type { HeadCheckpoint, HeadKind } from "../contracts/speculation_config.ts";
import { type DraftHead, type HeadParts, ownStateWidth } from "./draft_head.ts";
import { EagleHead } from "./eagle.ts";
import { Eagle3Head } from "./eagle3.ts";
import { loadHotRows } from "./hot_rows.ts";
import { MtpHead } from "./mtp.ts";
import {
  defaultChain,
  type ProposerEntry,
  type ProposerLimits,
  type ProposerNeeds,
  type ProposerParts,
  type TargetParts,
} from "./proposer.ts";
import { draftLimits, type DraftNetwork } from "./draft_network.ts";
import { TreeProposer } from "./tree_proposer.ts";

/** The network of each kind of head. */
const heads: Readonly<Record<HeadKind, new (parts: HeadParts) => DraftHead>> = {
  eagle: EagleHead,
  eagle3: Eagle3Head,
  mtp: MtpHead,
};

/** KV entry e of a head is computed from the target's state at e and the token at e + 1. */
const NUM_NEXT_TOKENS = 1;

/** Multi-token prediction (NextN in SGLang, which takes EAGLE heads under this name too). */
export const nextTokenLayerEntry = headEntry("NEXTN", { kinds: ["mtp", "eagle"] });

/** EAGLE-1 and EAGLE-2 (Li et al. 2024, arXiv 2401.15077 and 2406.16858). */
export const eagleEntry = headEntry("EAGLE", {
  kinds: ["eagle"],
  standsFor: nextTokenLayerEntry.name,
  shipped: "heads/eagle2-smollm2-135m",
});

/** EAGLE-3. */
export const eagle3Entry = headEntry("EAGLE3", { kinds: ["eagle3"], shipped: "heads/eagle3-smollm2-135m" });

function headEntry(
  name: string,
  needs: Omit<Extract<ProposerNeeds, { files: "head" }>, "files">,
): ProposerEntry {
  return {
    name,
    needs: { files: "head", ...needs },
    keyIncludesNextToken: NUM_NEXT_TOKENS > 0,
    growsByLevel: true,
    defaultTree: (_, headTree) => headTree ?? defaultChain,
    create: (parts) => new HeadProposer(parts),
  };
}

/** Grows trees from a draft head. */
export class HeadProposer extends TreeProposer {
  /** @throws {LoadError} if there is no head or a tensor of it is missing */
  constructor({ speculation: { head, topk, hotTokens }, limits, target, log }: ProposerParts) {
    if (head === undefined) {
      throw new LoadError("Cannot draft: no draft head is given, expected --speculative-draft-model-path");
    }
    const context = Context.attach(target.libraryPath, target.context);
    log("info", `Load draft head begin. avail mem=${availableMemory(context)}`);
    const network = loadHead({ checkpoint: head, dtype: "int8", limits, topk, hotTokens, target });
    super(network, limits, topk);
    log(
      "info",
      `Load draft head end. type=${head.head.kind}, draft vocab=${network.vocabSize}, ` +
        `avail mem=${availableMemory(context)}`,
    );
    log("info", kvLine(head.config, target.kvDtype, draftLimits(limits, topk).numPages * limits.pageSize));
  }
}

/** Options of {@linkcode loadHead}. */
export interface HeadLoading {
  readonly checkpoint: HeadCheckpoint;
  /** Type in which the head's floating matrices are stored. */
  readonly dtype: WeightStore["dtype"];
  readonly limits: ProposerLimits;
  readonly topk: number;
  /** FR-Spec: target ids whose rows of the target's LM head a head without its own uses; undefined for all. */
  readonly hotTokens: Int32Array | undefined;
  readonly target: TargetParts;
}

/**
 * Loads a head beside its target, with a KV pool of its own.
 *
 * @throws {LoadError} if a tensor is missing
 */
export function loadHead(
  { checkpoint, dtype, limits, topk, hotTokens, target }: HeadLoading,
): DraftNetwork & { readonly head: DraftHead } {
  const { config, head: { kind, draftTokens } } = checkpoint;
  const context = Context.attach(target.libraryPath, target.context);
  const room = draftLimits(limits, topk), batch = context.createBatch(room.batch);
  const weights = new Weights({ context, checkpoint, dtype });
  const ownLmHead = kind === "eagle3" && weights.has("lm_head.weight");
  const hot = ownLmHead || hotTokens === undefined
    ? undefined
    : loadHotRows(context, target.checkpoint, hotTokens);
  const keptWidth = ownStateWidth(checkpoint);
  const head = new heads[kind]({
    context,
    config,
    weights,
    batch,
    contextLength: limits.contextLength,
    head: checkpoint.head,
    ownStates: keptWidth === 0
      ? undefined
      : context.createTensor(room.numPages * limits.pageSize, keptWidth, FEATURE_DTYPE),
    target: {
      hiddenSize: target.checkpoint.config.hiddenSize,
      embedding: loadEmbedding(context, checkpoint) ?? target.embedding,
      lmHead: hot ?? target.lmHead,
      lmHeadRows: hot === undefined ? target.checkpoint.config.vocabSize : hotTokens!.length,
      features: featuresOf(target),
    },
  });
  weights.close();
  const { numLayers: layers, numKvHeads: kvHeads, headDim } = config;
  const pool = { layers, pages: room.numPages, pageSize: limits.pageSize, kvHeads, headDim };
  const kv = context.createKv(pool, target.kvDtype);
  return {
    context,
    batch,
    head,
    logits: head.output.logits,
    vocabSize: head.output.vocabSize,
    draftTokens: hot === undefined ? draftTokens : hotTokens,
    numNextTokens: NUM_NEXT_TOKENS,
    skipsFirstToken: kind === "mtp",
    numLevels: head.numLevels,
    extend: () => head.extend(kv),
    ...(head.extendFurther && { extendFurther: () => head.extendFurther!(kv) }),
    grow: (level) => head.grow(kv, level),
  };
}

/** The head's own embedding. Its rows are only looked up, so 8 bits would gain nothing. */
function loadEmbedding(context: Context, checkpoint: Checkpoint): WeightId | undefined {
  const weights = new Weights({ context, checkpoint, dtype: Weights.autoDtype(checkpoint) });
  if (!weights.has("embed_tokens.weight")) return undefined;
  const embedding = weights.matrix("embed_tokens");
  weights.close();
  return embedding;
}

function featuresOf({ features }: TargetParts): NonNullable<TargetParts["features"]> {
  if (features === undefined) throw new LoadError("Cannot draft: the target keeps no hidden states");
  return features;
}
