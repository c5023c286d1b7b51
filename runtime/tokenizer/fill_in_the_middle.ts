/**
 * The special tokens by which models fill in the middle of a text, by family (Bavarian et al. 2022): a prompt shows the text
 * before the gap and the text behind it, and what is generated stands between them.
 *
 * @module
 */
import type { FillInTheMiddle } from "../contracts/model_info.ts";

/** How a family arranges a prompt: texts of tokens, and the places of both texts. */
interface Family {
  /** Texts of tokens; `prefix` and `suffix` stand for the texts before and behind the gap. */
  readonly layout: readonly string[];
  /** Texts of other tokens that end the middle, as far as the vocabulary has them. */
  readonly ends: readonly string[];
}

const FAMILIES: readonly Family[] = [
  // StarCoder, StarCoder2, Granite, StableCode, Refact.
  {
    layout: ["<fim_prefix>", "prefix", "<fim_suffix>", "suffix", "<fim_middle>"],
    ends: ["<fim_pad>", "<file_sep>", "<repo_name>", "<reponame>", "<filename>"],
  },
  // SantaCoder.
  { layout: ["<fim-prefix>", "prefix", "<fim-suffix>", "suffix", "<fim-middle>"], ends: ["<fim-pad>"] },
  // Qwen2.5-Coder, CodeGemma.
  {
    layout: ["<|fim_prefix|>", "prefix", "<|fim_suffix|>", "suffix", "<|fim_middle|>"],
    ends: ["<|fim_pad|>", "<|file_sep|>", "<|repo_name|>", "<|file_separator|>"],
  },
  // Code Llama.
  { layout: ["▁<PRE>", "prefix", "▁<SUF>", "suffix", "▁<MID>"], ends: ["▁<EOT>"] },
  // DeepSeek-Coder, DeepSeek-V2 and V3.
  { layout: ["<｜fim▁begin｜>", "prefix", "<｜fim▁hole｜>", "suffix", "<｜fim▁end｜>"], ends: [] },
  // Codestral, as mistral-common arranges it.
  { layout: ["[SUFFIX]", "suffix", "[PREFIX]", "prefix"], ends: ["[MIDDLE]"] },
];

/**
 * How a model fills in the middle; undefined if its vocabulary has no family's tokens.
 *
 * @param idOf looks up the id of a token by its text
 */
export function fillInTheMiddleOf(
  idOf: (text: string) => number | undefined,
): FillInTheMiddle | undefined {
  for (const { layout, ends } of FAMILIES) {
    const parts = layout.map((part) => part === "prefix" || part === "suffix" ? part : idOf(part));
    if (parts.includes(undefined)) continue;
    const known = parts.filter((part) => part !== undefined);
    const marks = known.filter((part) => typeof part === "number");
    const others = ends.map(idOf).filter((id) => id !== undefined);
    return { layout: known, endTokenIds: [...marks, ...others] };
  }
  return undefined;
}
