/**
 * Texts of added tokens in decoding: as in the Rust library, one that is looked for in normalized text is decoded from
 * its normalized form.
 *
 * @module
 */
import { type AddedTokenEntry, isNormalized } from "./added_tokens.ts";
import { buildNormalizer } from "./normalizers.ts";
import type { Refuse, TokenizerStep } from "./step.ts";

/**
 * Texts by id.
 *
 * @throws {LoadError} if the normalizer cannot be used
 */
export function addedTexts(
  entries: readonly AddedTokenEntry[],
  normalizer: TokenizerStep | null,
  refuse: Refuse,
): ReadonlyMap<number, string> {
  const normalize = buildNormalizer(normalizer, refuse);
  return new Map(
    entries.map((entry) => [entry.id, isNormalized(entry) ? normalize(entry.content).text : entry.content]),
  );
}
