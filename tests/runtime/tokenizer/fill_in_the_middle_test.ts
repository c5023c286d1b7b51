/**
 * @module
 */
import { strict as assert } from "node:assert";
import { fillInTheMiddleOf } from "../../../runtime/tokenizer/fill_in_the_middle.ts";

/** Looks up a vocabulary of these texts, whose ids are their places. */
const inVocabulary = (...texts: string[]) => (text: string) => {
  const id = texts.indexOf(text);
  return id < 0 ? undefined : id;
};

Deno.test("fill in the middle: the layout of each family by its tokens", () => {
  const cases: [tokens: string[], layout: unknown[], ends: number[]][] = [
    // StarCoder's tokenizer.json.
    [["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"], [
      1,
      "prefix",
      3,
      "suffix",
      2,
    ], [1, 3, 2, 4]],
    [["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_sep|>"], [0, "prefix", 2, "suffix", 1], [
      0,
      2,
      1,
      3,
    ]],
    [["▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"], [0, "prefix", 2, "suffix", 1], [0, 2, 1, 3]],
    [["<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"], [1, "prefix", 0, "suffix", 2], [1, 0, 2]],
    [["[PREFIX]", "[MIDDLE]", "[SUFFIX]"], [2, "suffix", 0, "prefix"], [2, 0, 1]],
  ];
  for (const [tokens, layout, endTokenIds] of cases) {
    assert.deepEqual(fillInTheMiddleOf(inVocabulary(...tokens)), { layout, endTokenIds });
  }
});

Deno.test("fill in the middle: a vocabulary that lacks one of the tokens has no layout", () => {
  assert.equal(fillInTheMiddleOf(inVocabulary("a", "<fim_prefix>", "<fim_suffix>")), undefined);
});
