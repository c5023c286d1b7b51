/**
 * The tensors of a model, by the table of its architecture: all that one of certain sizes has, and what a tensor of a
 * GGUF file is called in Hugging Face's terms.
 *
 * @module
 */
import type { ExpertConfig } from "../contracts/checkpoint.ts";
import type { StorageFormat } from "../contracts/storage_format.ts";
import type { Architecture } from "./architecture.ts";
import type { NetworkConfig } from "./network_config.ts";
import { type TensorSizes, tensorSizes, type TensorSpec } from "./tensor_table.ts";

/** A tensor that a model of certain sizes has. */
export interface ModelTensor {
  /** Hugging Face's name in full. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly isRequired: boolean;
  /** The only format it may have; absent: any. */
  readonly format?: StorageFormat;
  /** As `TensorSpec.addend`. */
  readonly addend?: number;
}

const EXPERT_TENSORS: ReadonlySet<TensorSpec["presence"]> = new Set([
  "expertLayer",
  "eachExpert",
  "allExperts",
]);

/** The tensors of a model with this configuration, layer by layer. */
export function* modelTensors({ tensors }: Architecture, config: NetworkConfig): Generator<ModelTensor> {
  const sizes = tensorSizes(config);
  yield* sized(tensors.input, sizes, "");
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `${tensors.layerPrefix}${layer}.`;
    yield* sized(ofLayer(tensors.layer, config.experts, layer), sizes, prefix);
  }
  yield* sized(tensors.output, sizes, "");
}

/** The specs that a layer has: experts or a plain MLP. */
function* ofLayer(
  specs: readonly TensorSpec[],
  experts: ExpertConfig | undefined,
  layer: number,
): Generator<TensorSpec> {
  const isDense = experts === undefined || experts.denseLayers.includes(layer);
  for (const spec of specs) {
    const { presence, name } = spec;
    if (presence === "denseLayer" ? !isDense : isDense && EXPERT_TENSORS.has(presence)) continue;
    if (presence === (experts?.areStacked ? "eachExpert" : "allExperts")) continue;
    if (presence !== "eachExpert") yield spec;
    else {
      for (let expert = 0; expert < experts!.count; expert++) {
        yield { ...spec, name: name.replace("{expert}", `${expert}`) };
      }
    }
  }
}

function* sized(specs: Iterable<TensorSpec>, sizes: TensorSizes, prefix: string): Generator<ModelTensor> {
  for (const { name, shape, presence, format, addend } of specs) {
    if (presence === "untied" && sizes.tieWordEmbeddings) continue;
    if ((presence === "attentionBias" || presence === "mlpBias") && !sizes[presence]) continue;
    const isRequired = presence !== "optional";
    const rest = { ...(format !== undefined && { format }), ...(addend !== undefined && { addend }) };
    yield { name: prefix + name, shape: shape(sizes), isRequired, ...rest };
  }
}

/** Whether a tensor of this name may be one of a model, whatever its sizes. */
export function mayHave({ tensors: { input, layerPrefix, output } }: Architecture, name: string): boolean {
  return name.startsWith(layerPrefix) || [...input, ...output].some((spec) => spec.name === name);
}

/** What a GGUF file says of a network by which tensors it has. */
export function statedByTensors(
  { tensors }: Architecture,
  names: { has(name: string): boolean },
): Pick<NetworkConfig, "tieWordEmbeddings" | "attentionBias" | "mlpBias"> {
  const hasAny = (presence: TensorSpec["presence"]) =>
    tensors.layer.some((spec) =>
      spec.presence === presence && names.has(`${tensors.layerPrefix}0.${spec.name}`)
    );
  return {
    tieWordEmbeddings: !names.has(tensors.lmHead),
    ...(hasAny("attentionBias") && { attentionBias: true }),
    ...(hasAny("mlpBias") && { mlpBias: true }),
  };
}

/** Name of the matrix [vocabSize, hiddenSize] that turns hidden states into logits. */
export function outputMatrix({ tensors }: Architecture, config: NetworkConfig): string {
  return config.tieWordEmbeddings ? tensors.embedding : tensors.lmHead;
}

/** Hugging Face's name and row order of a tensor in a GGUF file; undefined if the architecture has none of that name. */
export function fromGguf(
  { tensors, gguf }: Architecture,
  ggufName: string,
): { readonly name: string; readonly rowOrder: "plain" | "interleaved" } | undefined {
  const [, layer, part] = /^blk\.(\d+)\.(.+)$/.exec(ggufName) ?? [];
  if (layer === undefined) {
    const spec = [...tensors.input, ...tensors.output].find((spec) => spec.ggufName === ggufName);
    return spec && { name: spec.name, rowOrder: "plain" };
  }
  const spec = tensors.layer.find((spec) => spec.ggufName === part);
  return spec && {
    name: `${tensors.layerPrefix}${layer}.${spec.name}`,
    rowOrder: gguf?.interleaved.includes(spec.name) ? "interleaved" : "plain",
  };
}
