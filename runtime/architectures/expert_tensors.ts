/**
 * Tensors of layers whose MLP is a mixture of experts, and what GGUF files say of it.
 *
 * @module
 */
import type { ExpertConfig } from "../contracts/checkpoint.ts";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import type { TensorSizes, TensorSpec } from "./tensor_table.ts";

/** What an architecture calls the projections of an expert. */
export interface ExpertNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

const inner = ({ hiddenSize, experts }: TensorSizes) => [experts!.intermediateSize, hiddenSize];
const outer = ({ hiddenSize, experts }: TensorSizes) => [hiddenSize, experts!.intermediateSize];

/** The layer that most architectures share, with experts below `module` in place of its MLP, or beside it. */
export function expertLayer(module: string, names: ExpertNames): readonly TensorSpec[] {
  const isMlp = ({ name }: TensorSpec) => name.startsWith("mlp.");
  const projections = [
    [names.gate, "ffn_gate_exps", inner],
    [names.up, "ffn_up_exps", inner],
    [names.down, "ffn_down_exps", outer],
  ] as const;
  return [
    ...DECODER_LAYER.filter((spec) => !isMlp(spec)),
    ...DECODER_LAYER.filter(isMlp).map((spec): TensorSpec => ({ ...spec, presence: "denseLayer" })),
    {
      name: `${module}.gate.weight`,
      ggufName: "ffn_gate_inp.weight",
      shape: ({ hiddenSize, experts }) => [experts!.count, hiddenSize],
      presence: "expertLayer",
    },
    ...projections.flatMap(([name, ggufName, shape]): TensorSpec[] => [
      { name: `${module}.experts.{expert}.${name}.weight`, shape, presence: "eachExpert" },
      {
        name: `${module}.experts.${name}.weight`,
        ggufName: `${ggufName}.weight`,
        shape: (sizes) => [sizes.experts!.count, ...shape(sizes)],
        presence: "allExperts",
      },
    ]),
  ];
}

/**
 * The experts of a GGUF file, in whose architectures all layers have them and their weights add up to 1.
 *
 * @param widthKey the key of an expert's width, without the architecture's name
 * @throws {LoadError} naming the key, if one is missing
 */
export function ggufExperts(metadata: GgufMetadata, architecture: string, widthKey: string): ExpertConfig {
  return {
    count: metadata.size(`${architecture}.expert_count`),
    perRow: metadata.size(`${architecture}.expert_used_count`),
    intermediateSize: metadata.size(`${architecture}.${widthKey}`),
    normalise: true,
    denseLayers: [],
    areStacked: true,
  };
}
