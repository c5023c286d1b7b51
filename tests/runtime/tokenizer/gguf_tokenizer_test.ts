/**
 * What GGUF files say of their tokenizers, and what is refused.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { GgufValue } from "../../../runtime/tensor_files/gguf.ts";
import { ggufTokenizer } from "../../../runtime/tokenizer/gguf_tokenizer.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { ggufOf } from "../../support/gguf_tokenizers.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

type Fields = Readonly<Record<string, GgufValue>>;

const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6;
const BYTES = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);

/** A vocabulary of scores: each piece with its score, and the kind if it is not a normal one. */
function pieces(...list: readonly (readonly [string, number?, number?])[]): Fields {
  return {
    model: "llama",
    tokens: list.map(([text]) => text),
    scores: Float32Array.from(list, ([, score = 0]) => score),
    "token_type": Int32Array.from(list, ([, , kind = NORMAL]) => kind),
  };
}

const SPECIAL = [["<unk>", 0, UNKNOWN], ["<s>", 0, CONTROL], ["</s>", 0, CONTROL]] as const;
const WITH_BYTES = [...SPECIAL, ...BYTES.map((text) => [text, 0, BYTE] as const)];

const open = (fields: Fields) => ggufTokenizer(ggufOf(fields));
const load = (fields: Fields) => loadTokenizer(open(fields));

function assertRefused(fields: Fields, message: RegExp): void {
  assert.throws(
    () => open(fields),
    (error: Error) => error instanceof LoadError && message.test(error.message),
  );
}

Deno.test("gguf tokenizer: kinds that are not served are refused by name", () => {
  const tokens = ["a"];
  assertRefused(
    { model: "t5", tokens },
    /tokenizer\.ggml\.model is t5 \(Unigram\), expected gpt2 .* or llama/,
  );
  assertRefused({ model: "bert", tokens }, /is bert \(WordPiece\)/);
  assertRefused({ model: "rwkv", tokens }, /is rwkv/);
  assertRefused({ model: "constructor", tokens }, /model is constructor, expected/);
  assertRefused({ tokens }, /tokenizer\.ggml\.model is missing/);
  assertRefused(
    { model: "gpt2", tokens, merges: [], pre: "kimi-k2" },
    /pre is kimi-k2, expected one of default, gpt-2/,
  );
});

Deno.test("gguf tokenizer: an id that the vocabulary lacks matters only where the token is needed", async () => {
  const base: Fields = { model: "gpt2", tokens: ["<e>", "b"], merges: [], "eos_token_id": 0 };
  const nobodyNeeds = {
    "padding_token_id": 99,
    "unknown_token_id": 99,
    "seperator_token_id": 99,
    "eot_token_id": 99,
    "bos_token_id": 99,
  };
  const { padToken, unkToken, bosToken, eosTokenIds } = open({ ...base, ...nobodyNeeds });
  assert.deepEqual([padToken, unkToken, bosToken, eosTokenIds], [undefined, undefined, undefined, [0]]);
  assertRefused({ ...base, "eos_token_id": 2 }, /eos_token_id is 2, expected one of 2 tokens/);
  const bos = { ...base, "bos_token_id": 7 };
  assertRefused({ ...bos, "add_bos_token": true }, /bos_token_id is 7/);
  assertRefused({ ...bos, "tokenizer.chat_template": "{{ bos_token }}" }, /bos_token_id is 7/);

  // A whole model with such an id starts, as the case `special_id_out_of_range` of issue 22 does not.
  const folder = await Deno.makeTempDir();
  try {
    const ggufFields = {
      "tokenizer.ggml.padding_token_id": { type: "u32", value: 0xffffffff },
      "tokenizer.ggml.bos_token_id": { type: "u32", value: 5000 },
    } as const;
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 1, ggufFields });
    const { tokenizerSource } = await openCheckpoint(await resolveModel(path));
    assert.deepEqual(tokenizerSource.eosTokenIds, [2]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("gguf tokenizer: llama has llama.cpp's defaults", () => {
  const tokenizer = load(pieces(...WITH_BYTES, ["▁", -3], ["a", -4], ["▁a", -1], ["é", -5]));
  const [space, a, spaceA, accent] = [259, 260, 261, 262];
  assert.deepEqual([...tokenizer.encode("a a")], [1, spaceA, spaceA]);
  assert.deepEqual([...tokenizer.encode("é!")], [1, space, accent, 3 + 0x21]);
  assert.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenIds], [1, [2]]);
  assert.equal(tokenizer.decode([spaceA, spaceA, a]), "a aa");
  // Behind a special token a text begins anew.
  assert.deepEqual([...tokenizer.encode("a</s>a", { parseSpecial: true })], [1, spaceA, 2, spaceA]);
});

Deno.test("gguf tokenizer: llama's flags are followed", () => {
  const list = [...WITH_BYTES, ["▁", -3], ["a", -4], ["▁a", -1]] as const;
  const encode = (fields: Fields, text: string) => [...load({ ...pieces(...list), ...fields }).encode(text)];
  assert.deepEqual(encode({ "add_space_prefix": false }, "a a"), [1, 260, 261]);
  assert.deepEqual(encode({ "add_bos_token": false }, "a"), [261]);
  assert.deepEqual(encode({ "add_eos_token": true }, "a"), [1, 261, 2]);
  assert.deepEqual(encode({ "remove_extra_whitespaces": true }, "  a   a "), [1, 261, 261]);
  assert.equal(load({ ...pieces(...list), "add_space_prefix": false }).decode([261]), " a");
});

Deno.test("gguf tokenizer: pieces that are only steps are taken apart, and text never becomes a special token", () => {
  const tokenizer = load({
    ...pieces(...WITH_BYTES, ["a", -9], ["b", -9], ["ab", -1, UNUSED], ["abab", -2, UNUSED], ["<", -9], [
      "s>",
      -1,
    ]),
    "add_space_prefix": false,
    "add_bos_token": false,
  });
  assert.deepEqual([...tokenizer.encode("abab")], [259, 260, 259, 260]);
  // Without the byte tokens' own texts.
  assert.deepEqual([...tokenizer.encode("<0x41>")], [
    263,
    ...[..."0x41>"].map((text) => 3 + text.charCodeAt(0)),
  ]);
});

Deno.test("gguf tokenizer: user-defined tokens are found in any text and keep their spaces", () => {
  const tokenizer = load({
    ...pieces(...WITH_BYTES, ["▁", -3], ["a", -4], ["  ", -1000, USER_DEFINED], [
      "<call>",
      -1000,
      USER_DEFINED,
    ]),
    "add_space_prefix": false,
  });
  const ids = [...tokenizer.encode("a  a<call> a")];
  assert.deepEqual(ids, [1, 260, 261, 260, 262, 259, 260]);
  assert.equal(tokenizer.decode(ids.slice(1), { skipSpecialTokens: true }), "a  a<call> a");
});

Deno.test("gguf tokenizer: a vocabulary without bytes needs an unknown token", () => {
  const list = [...SPECIAL, ["▁", -1], ["a", -2]] as const;
  assert.deepEqual([...load(pieces(...list)).encode("aéüa!")], [1, 3, 4, 0, 4, 0]);
  assertRefused(
    { ...pieces(...list), "unknown_token_id": 9 },
    /unknown_token_id is 9, expected one of 5 tokens/,
  );
  assertRefused({ ...pieces(...list), scores: Float32Array.of(0) }, /scores has 1 entries, expected 5/);
  assertRefused(
    { ...pieces(...list), "precompiled_charsmap": Uint8Array.of(1) },
    /precompiled_charsmap is not supported/,
  );
});

Deno.test("gguf tokenizer: tokens that end turns are known by their texts", () => {
  const ends = (...texts: string[]) =>
    open(pieces(...SPECIAL, ...texts.map((text) => [text, 0, CONTROL] as const))).eosTokenIds;
  assert.deepEqual(ends("<end_of_turn>", "<start_of_turn>"), [2, 3]);
  assert.deepEqual(ends("<|end|>", "<|user|>"), [2, 3]);
  assert.deepEqual(ends("<|end|>", "<|call|>", "<|return|>"), [2, 4, 5]);
});

Deno.test("gguf tokenizer: Phi-3's special tokens take the white space behind them", () => {
  const list = [...WITH_BYTES, ["▁", -3], ["a", -4], ["<|user|>", 0, CONTROL]] as const;
  const encode = (
    name: string,
    text: string,
  ) => [
    ...load({ ...pieces(...list), "general.name": name, "add_space_prefix": false }).encode(text, {
      parseSpecial: true,
    }),
  ];
  assert.deepEqual(encode("Phi 3", "<|user|>\n a"), [1, 261, 3 + 10, 259, 260]);
  assert.deepEqual(encode("Phi-3-mini", "<|user|>\n a<s> a"), [1, 261, 260, 1, 259, 260]);
});
