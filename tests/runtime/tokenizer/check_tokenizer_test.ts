import assert from "node:assert/strict";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { checkTokenizer } from "../../../runtime/tokenizer/check_tokenizer.ts";
import type { TokenizerJson } from "../../../runtime/tokenizer/source.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const GOOD = TINY_TOKENIZER.json as unknown as TokenizerJson;
const replace = (pattern: object, content: unknown) => ({ type: "Replace", pattern, content });
const sequence = (...normalizers: object[]) => ({ type: "Sequence", normalizers });

Deno.test("tokenizers as they are published are accepted", () => {
  const published: Partial<Record<keyof TokenizerJson, unknown>>[] = [
    {},
    { normalizer: sequence({ type: "Prepend", prepend: "▁" }, replace({ String: " " }, "▁")) },
    {
      normalizer: sequence(replace({ String: "``" }, '"'), replace({ Regex: " {2,}" }, "▁"), {
        type: "NFKC",
      }),
    },
    { "added_tokens": [], model: { type: "Unigram", "unk_id": 0, vocab: [["<unk>", 0], ["▁a", -2.5]] } },
    { "added_tokens": [], model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] } },
    { "added_tokens": [], model: { type: "WordPiece", vocab: { "[UNK]": 0, a: 1 } } },
  ];
  for (const part of published) checkTokenizer("t", { ...GOOD, ...part } as TokenizerJson);
});

Deno.test("what a library would choke on is refused by its field", () => {
  const added = (content: string, id = 1) => ({ "added_tokens": [{ id, content, special: true }] });
  const cases: [object, RegExp][] = [
    [{ model: { type: "BPE", merges: [] } }, /model\.vocab: nothing, expected an object/],
    [{ model: { type: "BPE", vocab: { a: -1 }, merges: [] } }, /model\.vocab: "a" has id -1/],
    [{ model: { type: "BPE", vocab: { a: 0 } } }, /model\.merges: nothing, expected a list/],
    [{ model: { type: "BPE", vocab: { a: 0 }, merges: ["a b c"] } }, /model\.merges: "a b c"/],
    [{ model: { type: "Unigram", vocab: [["a"]] } }, /model\.vocab: expected a list of pieces/],
    [added("x".repeat(2000)), /added_tokens: "x{59} and those before it are too long/],
    [added("x", 2 ** 40), /added_tokens: "x" has id 1099511627776/],
    [{ normalizer: sequence(1 as unknown as object) }, /normalizer: 1 is no step/],
    [{ normalizer: sequence(sequence(...Array(65).fill({ type: "NFC" }))) }, /more than 64 steps/],
    [{ normalizer: replace({ String: "a" }, "b".repeat(65)) }, /its replacements make texts too long/],
    [{ normalizer: replace({ Regex: "x*" }, "b".repeat(64)) }, /its replacements make texts too long/],
    [
      { normalizer: sequence(...Array(7).fill(replace({ String: "a" }, "aa"))) },
      /its replacements make texts too long/,
    ],
    [{ normalizer: replace({ String: "a" }, null) }, /its replacements make texts too long/],
    [
      { "pre_tokenizer": { type: "Sequence", pretokenizers: {} } },
      /pre_tokenizer\.pretokenizers: expected a list/,
    ],
  ];
  for (const [part, expected] of cases) {
    assert.throws(() => checkTokenizer("t", { ...GOOD, ...part } as TokenizerJson), (error: Error) => {
      assert.ok(error instanceof LoadError);
      assert.match(error.message, /^Cannot read t: /);
      assert.match(error.message, expected);
      return true;
    });
  }
});
