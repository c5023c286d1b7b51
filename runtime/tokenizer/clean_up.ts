/**
 * English typography that decoders of BERT's kind take back.
 *
 * @module
 */

const REPLACEMENTS = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

/** A token's text without the spaces that its word would not have. */
export function cleanUp(text: string): string {
  return REPLACEMENTS.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}
