/**
 * Draft heads in float64, plain and slow: the reference for those in `speculation/`.
 *
 * @module
 */
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import type { HeadCheckpoint } from "../../runtime/contracts/speculation_config.ts";
import {
  attend,
  inverseFrequencies,
  matVec,
  type ReferenceWeights,
  rmsNorm,
  rotate,
  type Row,
  silu,
} from "./reference.ts";

/** Inputs of a head for one row. */
export interface HeadRow {
  /** The target's states side by side, for a committed token. */
  readonly features?: Row;
  /** The state of the row before, for a draft. */
  readonly state?: Row;
  readonly token: number;
  readonly position: number;
  /** Earlier rows it sees, by number. */
  readonly sees: readonly number[];
}

/** Outputs of a head for one row. */
export interface HeadResult {
  readonly state: Row;
  readonly logits: Float64Array;
}

/** A head with the keys and values of all rows it ran, numbered from 0. */
export class ReferenceHead {
  readonly #checkpoint: HeadCheckpoint;
  readonly #weights: ReferenceWeights;
  readonly #target: { readonly config: ModelConfig; readonly weights: ReferenceWeights };
  readonly #invFreq: Float64Array;
  /** Per row and layer: the heads of its keys and of its values. */
  readonly #rows: { readonly keys: Row[]; readonly values: Row[] }[][] = [];

  constructor(
    checkpoint: HeadCheckpoint,
    weights: ReferenceWeights,
    target: { readonly config: ModelConfig; readonly weights: ReferenceWeights },
  ) {
    this.#checkpoint = checkpoint;
    this.#weights = weights;
    this.#target = target;
    this.#invFreq = inverseFrequencies(checkpoint.config.rope);
  }

  /** Runs the next row; `lmHead` replaces the target's, for heads without their own. */
  run(row: HeadRow, lmHead?: readonly Row[]): HeadResult {
    const { config, tensors, head } = this.#checkpoint;
    this.#rows.push([]);
    const embedding = tensors.has("embed_tokens.weight")
      ? this.#weights("embed_tokens.weight")
      : this.#target.weights("model.embed_tokens.weight");
    const embedded = embedding[row.token]!;
    let hidden = head.kind === "mtp"
      ? this.#mtpInput(row, row.position === 0 ? new Float64Array(embedded.length) : embedded)
      : head.kind === "eagle3"
      ? this.#eagle3Layer(row, embedded)
      : this.#eagleLayer(row, embedded);
    for (let layer = head.kind === "mtp" ? 0 : 1; layer < config.numLayers; layer++) {
      const name = `layers.${layer}`, normed = this.#norm(`${name}.input_layernorm`, hidden);
      hidden = this.#mlp(name, sum(hidden, this.#attention(row, layer, normed)));
    }
    if (head.kind === "eagle") return { state: hidden, logits: matVec(lmHead ?? this.#targetHead(), hidden) };
    const normed = this.#norm(head.kind === "mtp" ? "layers.0.final_layernorm" : "norm", hidden);
    if (head.kind === "mtp") return { state: normed, logits: matVec(lmHead ?? this.#targetHead(), normed) };
    const own = tensors.has("lm_head.weight") ? this.#weights("lm_head.weight") : this.#targetHead();
    return { state: head.normOutput ? normed : hidden, logits: matVec(own, normed) };
  }

  #mtpInput({ features, state }: HeadRow, embedded: Row): Row {
    const normed = [
      ...this.#norm("layers.0.hidden_layernorm", features ?? state!),
      ...this.#norm("layers.0.token_layernorm", embedded),
    ];
    return this.#linear("layers.0.input_proj", normed);
  }

  #eagleLayer(row: HeadRow, embedded: Row): Row {
    const x = this.#linear("fc", [...Array.from(embedded), ...Array.from(row.features ?? row.state!)]);
    return this.#mlp("layers.0", sum(x, this.#attention(row, 0, x)));
  }

  #eagle3Layer({ features, state, ...row }: HeadRow, embedded: Row): Row {
    const { head, tensors } = this.#checkpoint;
    let g = state;
    if (g === undefined) {
      const width = features!.length / head.featureLayers.length;
      const parts = head.featureLayers.map((_, i) => {
        const part = Array.from(features!).slice(i * width, (i + 1) * width);
        return tensors.has("fc_norm.0.weight") ? [...this.#norm(`fc_norm.${i}`, part)] : part;
      });
      g = this.#linear("fc", parts.flat());
    }
    const e = this.#norm("layers.0.input_layernorm", embedded), h = this.#norm("layers.0.hidden_norm", g);
    const attended = this.#attention(row, 0, [...e, ...h]);
    return this.#mlp("layers.0", sum(head.normBeforeResidual ? h : g, attended));
  }

  #attention({ position, sees }: Pick<HeadRow, "position" | "sees">, layer: number, x: Row): Row {
    const { numHeads, numKvHeads, headDim } = this.#checkpoint.config, name = `layers.${layer}.self_attn`;
    const heads = (kind: string) => split(this.#linear(`${name}.${kind}_proj`, x), headDim);
    const turned = (kind: string) => heads(kind).map((head) => rotate(head, position, this.#invFreq));
    const self = this.#rows.length - 1;
    this.#rows[self]![layer] = { keys: turned("k"), values: heads("v") };
    const attended = turned("q").flatMap((query, head) => {
      const kvHead = Math.floor(head * numKvHeads / numHeads);
      const seen = [...sees, self].map((row) => this.#rows[row]![layer]!);
      const keys = seen.map(({ keys }) => keys[kvHead]!), values = seen.map(({ values }) => values[kvHead]!);
      return [...attend(query, keys, values, 1 / Math.sqrt(headDim))];
    });
    return this.#linear(`${name}.o_proj`, attended);
  }

  #mlp(layer: string, hidden: Row): Row {
    const normed = this.#norm(`${layer}.post_attention_layernorm`, hidden), name = `${layer}.mlp`;
    const gate = this.#linear(`${name}.gate_proj`, normed), up = this.#linear(`${name}.up_proj`, normed);
    return sum(hidden, this.#linear(`${name}.down_proj`, up.map((value, i) => value * silu(gate[i]!))));
  }

  #linear(name: string, x: Row): Float64Array {
    const product = matVec(this.#weights(`${name}.weight`), x);
    return this.#checkpoint.tensors.has(`${name}.bias`)
      ? sum(product, this.#weights(`${name}.bias`)[0]!)
      : product;
  }

  #norm(name: string, x: Row): Float64Array {
    return rmsNorm(x, this.#weights(`${name}.weight`)[0]!, this.#checkpoint.config.rmsNormEps);
  }

  #targetHead(): readonly Row[] {
    const { config, weights } = this.#target;
    return weights(config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  }
}

function sum(a: Row, b: Row): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i]! + b[i]!);
}

function split(x: Float64Array, width: number): Float64Array[] {
  return Array.from({ length: x.length / width }, (_, i) => x.subarray(i * width, (i + 1) * width));
}
