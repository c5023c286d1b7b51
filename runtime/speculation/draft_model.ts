/**
 * Proposes what a small model of the same vocabulary says (speculative decoding as Leviathan et al. 2023 have it), as a
 * chain or, as EAGLE-2 does, as a tree.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { loadModel } from "../models/load.ts";
import type { ProposerParts } from "./proposer.ts";
import { draftLimits, TreeProposer } from "./tree_proposer.ts";

/** See the module's comment. */
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
      contextLength: pages * limits.pageSize,
      maxRows: rows,
      maxOutputs: outputs,
      maxRunningRequests: segments,
      maxNodes: 0,
      featureLayers: [],
    }, log);
    const forward = () => model.forward(kv);
    const { logits } = model, { vocabSize } = checkpoint.config;
    const drafter = {
      context,
      batch,
      logits,
      vocabSize,
      lookAhead: 0,
      extend: forward,
      grow: forward,
    } as const;
    super(drafter, limits, speculation.topk);
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
