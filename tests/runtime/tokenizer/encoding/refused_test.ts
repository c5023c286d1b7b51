import assert from "node:assert/strict";
import { InvalidRequestError, LoadError } from "../../../../runtime/contracts/errors.ts";
import { checkTokenizer } from "../../../../runtime/tokenizer/check_tokenizer.ts";
import { Encoder, type EncoderJson } from "../../../../runtime/tokenizer/encoding/encoder.ts";
import type { TokenizerStep } from "../../../../runtime/tokenizer/source.ts";

const MODEL = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };

function build(parts: Readonly<Record<string, unknown>>): Encoder {
  const json = {
    "added_tokens": [],
    normalizer: null,
    "pre_tokenizer": null,
    "post_processor": null,
    model: MODEL,
  };
  return new Encoder({ ...json, ...parts } as EncoderJson, (reason) => new LoadError(`t: ${reason}`));
}

const regex = (source: string): TokenizerStep => ({
  type: "Split",
  pattern: { Regex: source },
  behavior: "Isolated",
  invert: false,
});

Deno.test("refused: steps and settings that are not computed, by name", () => {
  const metaspace = { type: "Metaspace", replacement: "▁" };
  const cases: readonly [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ normalizer: { type: "Visarga" } }, /^t: normalizer "Visarga" is not supported$/],
    [{ "pre_tokenizer": { type: "UnicodeScripts" } }, /pre_tokenizer "UnicodeScripts" is not supported/],
    [{ "post_processor": { type: "X" } }, /post_processor "X" is not supported/],
    [{ model: { ...MODEL, type: "Lattice" } }, /model "Lattice" is not supported/],
    [{ model: { ...MODEL, dropout: 0.1 } }, /model BPE has dropout/],
    [{ model: { ...MODEL, merges: [["a", "c"]] } }, /model\.merges: "c" is not in the vocabulary/],
    [{ model: { type: "Unigram", "unk_id": 3, vocab: [["a", 0]] } }, /model Unigram has unk_id 3/],
    [
      { "pre_tokenizer": { ...regex("a"), behavior: "Merged" } },
      /Split has behavior "Merged", expected one of Removed/,
    ],
    [
      { "pre_tokenizer": { ...regex("a"), pattern: "a" } },
      /Split has pattern "a", expected a String or a Regex/,
    ],
    [{ "pre_tokenizer": { ...regex("a"), invert: "no" } }, /Split has invert "no", expected a boolean/],
    [
      { "pre_tokenizer": { ...metaspace, replacement: "__" } },
      /Metaspace has replacement "__", expected one character/,
    ],
    [{ "pre_tokenizer": { ...metaspace, "prepend_scheme": "last" } }, /Metaspace has prepend_scheme "last"/],
    [
      {
        "pre_tokenizer": {
          type: "Sequence",
          pretokenizers: [{ type: "Punctuation" }, { ...metaspace, "prepend_scheme": "first" }],
        },
      },
      /Sequence has Metaspace with prepend_scheme first behind Punctuation/,
    ],
    [
      { normalizer: { type: "Precompiled", "precompiled_charsmap": "AAEC" } },
      /Precompiled has no character map/,
    ],
    [
      { normalizer: { type: "Precompiled", "precompiled_charsmap": "/////w==" } },
      /Precompiled has a trie of 4294967295 bytes/,
    ],
    [{ normalizer: { type: "Precompiled", "precompiled_charsmap": "?" } }, /that is not base64/],
    [
      { "post_processor": { type: "TemplateProcessing", single: [] } },
      /TemplateProcessing does not place the text/,
    ],
    [
      { "post_processor": { type: "BertProcessing", cls: ["c"], sep: ["s", 1] } },
      /BertProcessing has cls \["c"\]/,
    ],
  ];
  for (const [parts, expected] of cases) {
    assert.throws(() => build(parts), (error: Error) => {
      assert.ok(error instanceof LoadError, error.stack);
      assert.match(error.message, expected);
      return true;
    });
  }
});

Deno.test("refused: expressions that JavaScript cannot say exactly, by what they have", () => {
  const cases: readonly [source: string, part: RegExp][] = [
    ["(?m:.)", /a group of another kind/],
    ["a(?i)b", /a group of another kind/],
    ["(?<n>a)", /a group of another kind/],
    ["(a)\\1", /\\1 in/],
    ["\\Ga", /\\G in/],
    ["\\X", /\\X in/],
    ["(?i:ss)", /ss where case is ignored/],
    ["(?i:é)", /é where case is ignored/],
    ["(?i:\\p{Lu})", /a set of characters that ignores case/],
    ["(?i:[^a])", /a set of characters that ignores case/],
    ["(?<=a++)b", /a group in lookbehind/],
    ["a**", /a quantifier after another one/],
    ["*a", /\* with nothing before it/],
    ["[a-\\d]", /a range without end/],
    ["[\\d-a]", /a range that begins with a set/],
    ["[a-c-e]", /a range that goes on/],
    ["[b-a]", /a range without end/],
    ["[]", /an end where something must follow|a class without end/],
    ["[[:shiny:]]", /\[:shiny:\]/],
    ["\\p{Age=14.0}", /\\p without a name/],
    ["\\p{Shiny}", /\\p\{Shiny\}/],
    ["(a", /a \( without \)/],
    ["a)", /a \) without \(/],
    ["\\", /an end where something must follow/],
  ];
  for (const [source, part] of cases) {
    assert.throws(() => build({ "pre_tokenizer": regex(source) }), (error: Error) => {
      assert.ok(error instanceof LoadError, `${source}: ${error.stack}`);
      assert.match(error.message, /^t: pre_tokenizer Split has a regular expression that is not supported: /);
      assert.match(error.message, part);
      return true;
    });
  }
});

Deno.test("refused: added tokens with other ids than the vocabulary gives them", () => {
  const check = (...ids: readonly number[]) => {
    const added = ids.map((id, i) => ({ id, content: ["ab", "c", "d"][i]! }));
    checkTokenizer("t", {
      "added_tokens": added,
      normalizer: null,
      "pre_tokenizer": null,
      "post_processor": null,
      decoder: null,
      model: MODEL,
    });
  };
  check(2, 3, 4);
  assert.throws(() => check(1), /added_tokens: "ab" has id 1, but 2 in the vocabulary/);
  assert.throws(() => check(2, 4), /added_tokens: "c" has id 4, but 3 in the vocabulary/);
});

Deno.test("refused: texts without a token, where there is none for what is unknown", () => {
  const models: readonly TokenizerStep[] = [
    { type: "WordPiece", vocab: { a: 0 } },
    { type: "WordLevel", vocab: { a: 0 } },
    { type: "Unigram", "unk_id": null, vocab: [["a", 0]] },
    { ...MODEL, "unk_token": "<unk>" },
  ];
  for (const model of models) {
    const encoder = build({ model });
    assert.deepEqual(encoder.encode("a", { parseSpecial: false }), [0]);
    assert.throws(() => encoder.encode("é", { parseSpecial: false }), (error: Error) => {
      assert.ok(error instanceof InvalidRequestError);
      assert.match(
        error.message,
        /^Cannot encode text: the model has neither a token for "é" nor an unknown token$/,
      );
      return true;
    });
  }
  // Byte-pair encoding without one leaves such characters out.
  assert.deepEqual(build({}).encode("aéb", { parseSpecial: false }), [2]);
});
