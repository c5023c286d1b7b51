/**
 * Draft heads: small networks that predict the next token from the target's hidden states, and then from their own
 * (EAGLE, Li et al. 2024, arXiv 2401.15077).
 *
 * Row t pairs the state of position t with the embedding of token t + 1 and has rotary position t; its logits are for
 * token t + 2.
 *
 * @module
 */
import type { HeadConfig } from "../contracts/speculation_config.ts";
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
}

/** A draft head that computes the rows of one batch. The batch's sources name the input state of each row. */
export interface DraftHead {
  readonly output: HeadOutput;
  /** Draft extend: a forward over committed tokens, whose input states are the target's, by KV slot. */
  extend(kv: KvId): void;
  /** A forward over draft nodes, whose input states are those of the head's last forward, by output row. */
  grow(kv: KvId): void;
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

  /** `lmHead` [vocabSize, hiddenSize] is applied to states normed by `norm`, if there is one. */
  constructor(parts: HeadParts, lmHead: { weight: WeightId; rows: number }, norm?: RmsNorm) {
    const { context, batch, config, head } = parts;
    const outputs = (cols: number) => context.batchTensor(batch, "outputs", cols);
    this.#parts = parts;
    this.#lmHead = lmHead.weight;
    this.#norm = norm;
    this.#hidden = outputs(config.hiddenSize);
    this.#normed = norm ? outputs(config.hiddenSize) : this.#hidden;
    this.states = head.normOutput ? this.#normed : this.#hidden;
    this.vocabSize = lmHead.rows;
    this.logits = context.batchTensor(batch, "outputSlice", lmHead.rows);
  }

  /** hidden: [rows, hiddenSize] */
  forward(hidden: TensorId): void {
    const { context, batch } = this.#parts;
    gatherOutputs(context, this.#hidden, hidden, batch);
    this.#norm?.forward(this.#normed, this.#hidden);
    linear(context, this.logits, this.#normed, this.#lmHead);
  }
}
