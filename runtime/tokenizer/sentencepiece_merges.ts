/**
 * SentencePiece's byte-pair encoding as the Rust library `tokenizers` knows it: scores become an order of merges, by the
 * same rule as transformers' converter. The same ids come of it, but where one piece can be made of different pairs
 * that overlap: there SentencePiece takes the leftmost, the list the one that stands first.
 *
 * @module
 */
import type { SentencePieceVocabulary } from "./encoding/sentencepiece.ts";
import type { TokenizerStep } from "./source.ts";

/** Far above any published piece, of which each way to cut it in two is looked up. */
const MAX_PIECE_CHARS = 256;

/** A model of type BPE with the merges of a vocabulary with scores. */
export function asMergeList(vocabulary: SentencePieceVocabulary): TokenizerStep {
  const { vocab, scores, byte_fallback: byteFallback, unk_token: unkToken } = vocabulary;
  const leftOut = new Set(vocabulary.left_out);
  const pieces = new Map(Object.entries(vocab).filter(([, id]) => !leftOut.has(id)));
  const merges: { readonly pair: readonly [string, string]; readonly score: number }[] = [];
  for (const [text, id] of pieces) {
    if (text.length > MAX_PIECE_CHARS) continue;
    for (const pair of pairsOf(text)) {
      if (pair.every((part) => pieces.has(part))) merges.push({ pair, score: scores[id] ?? 0 });
    }
  }
  merges.sort((a, b) =>
    b.score - a.score || b.pair[0].length - a.pair[0].length || b.pair[1].length - a.pair[1].length
  );
  return {
    type: "BPE",
    vocab,
    merges: merges.map(({ pair }) => pair),
    "unk_token": unkToken,
    "fuse_unk": true,
    "byte_fallback": byteFallback,
  };
}

/** The pairs of texts that a text can be made of, without cutting characters. */
function* pairsOf(text: string): Generator<readonly [string, string]> {
  let at = 0;
  for (const character of text) {
    if (at > 0) yield [text.slice(0, at), text.slice(at)];
    at += character.length;
  }
}
