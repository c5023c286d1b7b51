import assert from "node:assert/strict";
import { asMergeList } from "../../../runtime/tokenizer/sentencepiece_merges.ts";

Deno.test("merges: the best score first, none of pieces of thousands of characters", () => {
  const huge = "a".repeat(2 ** 20), vocab = { "<unk>": 0, a: 1, b: 2, ab: 3, ba: 4, aba: 5, [huge]: 6 };
  const { merges } = asMergeList({
    type: "SentencePiece",
    vocab,
    scores: [0, -5, -5, -2, -1, -3, 0],
    "left_out": [0],
    unused: [],
    "byte_fallback": false,
    "unk_token": "<unk>",
  });
  assert.deepEqual(merges, [["b", "a"], ["a", "b"], ["ab", "a"], ["a", "ba"]]);
});
