/**
 * The proposer that drafts with a smaller model of the same vocabulary (Leviathan et al. 2023, arXiv 2211.17192), as a
 * chain or, as EAGLE-2 does (arXiv 2406.16858), as a tree.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { loadModel } from "../models/load.ts";
import { defaultChain, type ProposerEntry, type ProposerParts } from "./proposer.ts";
import { draftLimits } from "./draft_network.ts";
import { TreeProposer } from "./tree_proposer.ts";

/** A draft model. */
export const draftModelEntry: ProposerEntry = {
  name: "STANDALONE",
  needs: { files: "model" },
  keyIncludesNextToken: false,
  growsByLevel: true,
  defaultTree: () => defaultChain,
  create: (parts) => new DraftModelProposer(parts),
};

/** Grows trees from a draft model, which is loaded into the target's context. */
export class DraftModelProposer extends TreeProposer {
  /** @throws {LoadError} if the draft model is missing or has another vocabulary */
  constructor(
    { speculation, limits, target, log }: ProposerParts,
    checkpoint: Checkpoint | undefined = speculation.draft,
  ) {
    checkVocabulary(checkpoint, target.checkpoint);
    const context = Context.attach(target.libraryPath, target.context);
    const { batch: { rows, segments, pages, outputs }, numPages } = draftLimits(limits, speculation.topk);
    const { batch, model, kv } = loadModel(context, {
      checkpoint,
      dtype: target.dtype,
      kvDtype: target.kvDtype,
      pageSize: limits.pageSize,
      maxTotalTokens: numPages * limits.pageSize,
      contextLength: limits.contextLength,
      maxRows: rows,
      maxOutputs: outputs,
      maxRunningRequests: segments,
      // Of each sequence: so that a batch has the pages of its tree's rows, too.
      maxNodes: pages * limits.pageSize - limits.contextLength,
      featureLayers: [],
    }, log);
    const forward = () => model.forward(kv);
    const { logits } = model, { vocabSize } = checkpoint.config;
    const network = {
      context,
      batch,
      logits,
      vocabSize,
      numNextTokens: 0,
      extend: forward,
      grow: forward,
    } as const;
    super(network, limits, speculation.topk);
  }
}

function checkVocabulary(draft: Checkpoint | undefined, target: Checkpoint): asserts draft is Checkpoint {
  if (draft === undefined) {
    throw new LoadError("Cannot draft: no draft model is given, expected --speculative-draft-model-path");
  }
  const { vocabSize } = draft.config;
  if (vocabSize !== target.config.vocabSize) {
    throw new LoadError(
      `Cannot draft with ${draft.path}: its vocabulary has ${vocabSize} tokens, expected the target's ${target.config.vocabSize}`,
    );
  }
}
