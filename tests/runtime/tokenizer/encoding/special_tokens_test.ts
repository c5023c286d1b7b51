import assert from "node:assert/strict";
import { LoadError } from "../../../../runtime/contracts/errors.ts";
import { Encoder, type EncoderJson } from "../../../../runtime/tokenizer/encoding/encoder.ts";

const refuse = (reason: string) => new LoadError(reason);
const VOCAB = ["?", "a", "b", "<", ">", "s", " ", "A", "<s", "<s>", "s>"];
const SPECIAL = VOCAB.indexOf("<s>");

/** A model that has the special token in its vocabulary, and merges that make one. */
function encoder(parts: Partial<EncoderJson> = {}): Encoder {
  return new Encoder({
    "added_tokens": [{ id: SPECIAL, content: "<s>", special: true }],
    normalizer: null,
    "pre_tokenizer": null,
    "post_processor": null,
    model: {
      type: "BPE",
      "unk_token": "?",
      vocab: Object.fromEntries(VOCAB.map((token, id) => [token, id])),
      merges: [["s", ">"], ["<", "s>"]],
    },
    ...parts,
  }, refuse);
}

const ids = (...tokens: readonly string[]) => tokens.map((token) => VOCAB.indexOf(token));

Deno.test("special tokens: the model makes none of text, although it could", () => {
  const plain = encoder();
  assert.deepEqual(plain.encode("a<s>b", { parseSpecial: false }), ids("a", "<", "s>", "b"));
  assert.deepEqual(plain.encode("a<s>b", { parseSpecial: true }), ids("a", "<s>", "b"));
  const words = encoder({
    model: { type: "WordLevel", "unk_token": "?", vocab: { "?": 0, "<s>": SPECIAL, a: 1 } },
    "pre_tokenizer": { type: "WhitespaceSplit" },
  });
  assert.deepEqual(words.encode("a <s> a", { parseSpecial: false }), [1, 0, 1]);
});

Deno.test("special tokens: what has a guard inside is text, what stands beside one is not", () => {
  const plain = encoder();
  const at = (...guards: readonly number[]) => plain.encodeGuarded({ text: "a<s><s>b", guards });
  assert.deepEqual(at(), ids("a", "<s>", "<s>", "b"));
  assert.deepEqual(at(1, 4, 7), ids("a", "<s>", "<s>", "b"));
  assert.deepEqual(at(2), ids("a", "<", "s>", "<s>", "b"));
  assert.deepEqual(at(0, 3, 4, 6), ids("a", "<", "s>", "<", "s>", "b"));
});

Deno.test("special tokens: in a guarded text they are found as they are written, normalized or not", () => {
  const lower = encoder({
    "added_tokens": [{ id: SPECIAL, content: "<s>", special: true, normalized: true }],
    normalizer: { type: "Lowercase" },
  });
  assert.deepEqual(lower.encode("A<S>", { parseSpecial: true }), ids("a", "<s>"));
  assert.deepEqual(lower.encodeGuarded({ text: "A<S><s>", guards: [] }), ids("a", "<", "s>", "<s>"));
  assert.deepEqual(lower.encodeGuarded({ text: "<s>", guards: [1] }), ids("<", "s>"));
});

Deno.test("special tokens: lone surrogates are U+FFFD, and nothing else changes", () => {
  const given = { "added_tokens": [] };
  const model = { type: "WordLevel", "unk_token": "?", vocab: { "?": 0, "a\ufffdb": 1 } };
  assert.deepEqual(encoder({ ...given, model }).encode("a\ud800b", { parseSpecial: false }), [1]);
});
