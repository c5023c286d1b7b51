/**
 * Texts of added tokens in decoding: as in the Rust library, one that is looked for in normalized text is decoded from
 * its normalized form.
 *
 * @module
 */
import { type AddedTokenEntry, isNormalized } from "./added_tokens.ts";
import { buildNormalizer } from "./normalizers.ts";
import { type Refuse, StepReader, type TokenizerStep } from "./step.ts";

/** Longest expression that is looked at. */
const MAX_LENGTH = 1024;

/**
 * Texts by id. They are made in the thread that serves, so that expressions which may take long are refused.
 *
 * @throws {LoadError} if the normalizer cannot be used
 */
export function addedTexts(
  entries: readonly AddedTokenEntry[],
  normalizer: TokenizerStep | null,
  refuse: Refuse,
): ReadonlyMap<number, string> {
  const normalize = buildNormalizer(normalizer, refuse);
  if (normalizer !== null && entries.some(isNormalized)) refuseSlow(normalizer, refuse);
  return new Map(
    entries.map((entry) => [entry.id, isNormalized(entry) ? normalize(entry.content).text : entry.content]),
  );
}

function refuseSlow(step: TokenizerStep, refuse: Refuse): void {
  const reader = new StepReader(step, "normalizer", refuse);
  if (step.type === "Sequence") { for (const part of reader.steps("normalizers")) refuseSlow(part, refuse); }
  if (step.type !== "Replace") return;
  const { kind, source } = reader.pattern();
  if (kind === "text" || !mayBeSlow(source)) return;
  throw reader.refuse(
    `has ${
      JSON.stringify(source.slice(0, 80))
    }, which may take too long for added tokens that are normalized`,
  );
}

/** Whether an expression repeats a group, or repeats three times: it may take minutes for a text of an added token. */
function mayBeSlow(expression: string): boolean {
  if (expression.length > MAX_LENGTH) return true;
  const plain = expression.replaceAll(/\\./gs, "x").replaceAll(/\[[^\]]*\]/g, "x");
  return /\)[*+{]/.test(plain) || plain.split(/[*+{]/).length > 3;
}
