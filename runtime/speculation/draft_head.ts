/**
 * Draft heads: small networks that predict the next token from the target's hidden states, and then from their own
 * (EAGLE, Li et al. 2024, arXiv 2401.15077).
 *
 * Row t pairs the state of position t with the embedding of token t + 1 and has rotary position t; its logits are for
 * token t + 2.
 *
 * @module
 */
import type { HeadCheckpoint, HeadConfig } from "../contracts/speculation_config.ts";
import type { ModelParts } from "../nn/parts.ts";
import type { RmsNorm } from "../nn/layers.ts";
import type { KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import { gatherOutputs, linear } from "../../ffi/ops.ts";

/** What a head uses of the target, as native handles. */
export interface HeadTarget {
  readonly hiddenSize: number;
  /** [vocabSize, the head's hiddenSize]; the head's own if it has one. */
  readonly embedding: WeightId;
  /** [tokens, hiddenSize], the LM head of heads that have none of their own; each row is a token they may propose. */
  readonly lmHead: WeightId;
  readonly lmHeadRows: number;
  /** [KV slots, featureLayers * hiddenSize] */
  readonly features: TensorId;
}

/** Parts a head is built from; `config` and `weights` are its own. */
export interface HeadParts extends ModelParts {
  readonly head: HeadConfig;
  readonly target: HeadTarget;
  /** [KV slots, {@linkcode ownStateWidth}], where a head keeps states of its own; undefined if it keeps none. */
  readonly ownStates: TensorId | undefined;
}

/** Numbers that a head keeps of every committed token besides its KV: the states that a further MTP layer takes. */
export function ownStateWidth({ config, head }: HeadCheckpoint): number {
  return head.kind === "mtp" ? (config.numLayers - 1) * config.hiddenSize : 0;
}

/** A draft head that computes the rows of one batch. The batch's sources name the input state of each row. */
export interface DraftHead {
  readonly output: HeadOutput;
  /** Levels of a tree that have a forward of their own; the last one's goes on for deeper levels. */
  readonly numLevels: number;
  /** Draft extend: a forward over committed tokens, whose input states are the target's, by KV slot. */
  extend(kv: KvId): void;
  /**
   * What draft extend computes of the same rows besides, from the head's states of the row before each, by KV slot; absent
   * if nothing.
   */
  extendFurther?(kv: KvId): void;
  /**
   * A forward over draft nodes, whose input states are those of the head's last forward, by output row.
   *
   * @param level of the nodes, from 1 (children of the root) to `numLevels`
   */
  grow(kv: KvId, level: number): void;
}

/** Output of a head: states and logits of the output rows. */
export class HeadOutput {
  /** [outputs, hiddenSize], what `grow` takes. */
  readonly states: TensorId;
  /** [outputs of a slice, vocabSize] */
  readonly logits: TensorId;
  /** Tokens of the head's vocabulary, which numbers them in its own way. */
  readonly vocabSize: number;
  readonly #parts: HeadParts;
  readonly #lmHead: WeightId;
  readonly #hidden: TensorId;
  readonly #normed: TensorId;
  readonly #norm: RmsNorm | undefined;

  /**
   * `lmHead` [vocabSize, hiddenSize] is applied to states normed by `norm`, if there is one. Of several outputs that are
   * computed by turns, the others may share the `logits` of the first.
   */
  constructor(
    parts: HeadParts,
    lmHead: { readonly weight: WeightId; readonly rows: number },
    norm?: RmsNorm,
    logits?: TensorId,
  ) {
    const { context, batch, config, head } = parts;
    const outputs = (cols: number) => context.batchTensor(batch, "outputs", cols);
    this.#parts = parts;
    this.#lmHead = lmHead.weight;
    this.#norm = norm;
    this.#hidden = outputs(config.hiddenSize);
    this.#normed = norm ? outputs(config.hiddenSize) : this.#hidden;
    this.states = head.normOutput ? this.#normed : this.#hidden;
    this.vocabSize = lmHead.rows;
    this.logits = logits ?? context.batchTensor(batch, "outputSlice", lmHead.rows);
  }

  /** States and logits of the output rows of hidden [rows, hiddenSize]. */
  forward(hidden: TensorId): void {
    this.keepStates(hidden);
    linear(this.#parts.context, this.logits, this.#normed, this.#lmHead);
  }

  /** States of the output rows of hidden [rows, hiddenSize], without logits. */
  keepStates(hidden: TensorId): void {
    const { context, batch } = this.#parts;
    gatherOutputs(context, this.#hidden, hidden, batch);
    this.#norm?.forward(this.#normed, this.#hidden);
  }
}
