/**
 * Rewrites pre-tokenizers of tokenizer.json into steps that `@huggingface/tokenizers` runs exactly as the Rust
 * library does. Its own `Digits` and `ByteLevel` use JavaScript's `\d` and `\s`, which know ASCII digits only and
 * other white space; its `Split` translates regular expressions properly.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { TokenizerStep } from "./source.ts";

/** GPT-2's word pattern, which `ByteLevel` applies unless `use_regex` is false. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A step that cuts out every match of a regular expression. */
export function isolated(pattern: string): TokenizerStep {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/**
 * An equivalent step. `first` says whether the text starts a document: Metaspace with `prepend_scheme` "first" puts
 * its space only there.
 *
 * @throws {LoadError} if the library would run the step differently
 */
export function exactPreTokenizer(step: TokenizerStep, first: boolean): TokenizerStep {
  switch (step.type) {
    case "Sequence":
      return sequence(
        (step["pretokenizers"] as TokenizerStep[]).map((part) => exactPreTokenizer(part, first)),
      );
    case "Digits":
      return isolated(step["individual_digits"] ? "\\p{N}" : "\\p{N}+");
    case "ByteLevel":
      if (step["use_regex"] === false || step["add_prefix_space"]) return step;
      return sequence([isolated(GPT2_PATTERN), { ...step, "use_regex": false }]);
    case "Metaspace":
      return exactMetaspace(step, first);
    case "Split":
      if (!["Isolated", "Removed"].includes(String(step["behavior"]))) {
        throw new LoadError(`Cannot load tokenizer: pre_tokenizer Split has behavior ${step["behavior"]}`);
      }
      return step;
    default:
      return step;
  }
}

function exactMetaspace(step: TokenizerStep, first: boolean): TokenizerStep {
  const scheme = step["add_prefix_space"] === false ? "never" : step["prepend_scheme"] ?? "always";
  const metaspace = { ...step, "prepend_scheme": scheme === "first" && !first ? "never" : scheme };
  if (step["split"] === false) return metaspace;
  const space = String(step["replacement"] ?? "▁");
  return sequence([metaspace, isolated(`${space}[^${space}]*`)]);
}

function sequence(pretokenizers: readonly TokenizerStep[]): TokenizerStep {
  return { type: "Sequence", pretokenizers };
}
