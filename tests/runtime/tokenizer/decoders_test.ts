/**
 * Decoders of tokenizer.json beside PyPI tokenizers, whole and token by token.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { TokenizerStep } from "../../../runtime/tokenizer/source.ts";
import { TokenDecoder } from "../../../runtime/tokenizer/token_decoder.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { askReference, needsReferences } from "../../support/references.ts";

const SPECIAL = "</s>", ADDED = ["<a▁b>", "hello world", "é"];
const VOCABULARY = [
  SPECIAL,
  ...ADDED,
  ...["▁", "▁▁", "▁the", "a▁b", "▁ x", "c▁", " ", "  d ", "x", "", "日本"],
  ...["##ing", "##", "##'s", ".", "n't", "'", "x do not", "Ġ", "Ġthe", "ĠÃ", "ĠÐ¿Ñģ", "Ġ日"],
  ...["the</w>", "</w>", "a</w>b", "b</w>"],
  ...["<0xE2>", "<0x82>", "<0xAC>", "<0x20>", "<0x41>", "<0xzz>"],
];
const id = (text: string) => VOCABULARY.indexOf(text);
const UNKNOWN_ID = 999;

/** Lists of ids that stay together: bytes of one character, since spoiled UTF-8 is decoded otherwise. */
const GROUPS = [
  ...VOCABULARY.keys().filter((token) => !/^<0x(E2|82|AC)>$/.test(VOCABULARY[token]!)).map((
    token,
  ) => [token]),
  ["<0xE2>", "<0x82>", "<0xAC>"].map(id),
  [UNKNOWN_ID],
];

const replace = (from: string, to: string) => ({ type: "Replace", pattern: { String: from }, content: to });
const strip = (start: number, stop = 0, content = " ") => ({ type: "Strip", content, start, stop });
const metaspace = (scheme: string) => ({
  type: "Metaspace",
  replacement: "▁",
  "prepend_scheme": scheme,
  split: true,
});
const sequence = (...decoders: TokenizerStep[]) => ({ type: "Sequence", decoders });
const [byteFallback, fuse] = [{ type: "ByteFallback" }, { type: "Fuse" }];
const byteLevel = { type: "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true };

const DECODERS: readonly (TokenizerStep | null)[] = [
  null,
  byteLevel,
  ...["always", "first", "never"].map(metaspace),
  sequence(replace("▁", " "), byteFallback, fuse, strip(1)),
  sequence(replace("▁", " "), byteFallback, fuse),
  sequence(replace("▁", " "), fuse, strip(3)),
  sequence(replace("▁", "$&"), strip(2), byteFallback, fuse, strip(2, 0, "$")),
  sequence(sequence(metaspace("first"), byteFallback), fuse),
  sequence(byteLevel, fuse, strip(1)),
  { type: "WordPiece", prefix: "##", cleanup: true },
  { type: "WordPiece", prefix: "##", cleanup: false },
  { type: "BPEDecoder", suffix: "</w>" },
  sequence({ type: "BPEDecoder", suffix: "</w>" }, fuse, strip(1, 0, "b")),
];

/** The last token that is text. */
function lastOf(ids: readonly number[]): number | undefined {
  return ids.findLast((token) => token !== id(SPECIAL) && token !== UNKNOWN_ID);
}

function documentOf(decoder: TokenizerStep | null) {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    "added_tokens": [SPECIAL, ...ADDED].map((content, id) => ({
      id,
      content,
      "single_word": false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: content === SPECIAL,
    })),
    normalizer: null,
    "pre_tokenizer": null,
    "post_processor": null,
    decoder,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(VOCABULARY.map((text, id) => [text, id])),
      "unk_token": "x",
    },
  };
}

function decoderOf(decoder: TokenizerStep | null): TokenDecoder {
  return new TokenDecoder({ path: "test", json: documentOf(decoder), eosTokenIds: [], chatAddsBos: false });
}

const needed = await needsReferences("tokenizers");

Deno.test("decoders make the texts that PyPI tokenizers makes, and the same bit by bit", needed, async () => {
  const random = seededRandom(22);
  const lists = Array.from(
    { length: 400 },
    (_, i) => Array.from({ length: i % 8 }, () => GROUPS[Math.floor(random() * GROUPS.length)]!).flat(),
  );
  const cases = DECODERS.map((decoder) => ({ tokenizer: documentOf(decoder), ids: lists }));
  const expected = await askReference("decoders.py", cases) as string[][];
  for (const [at, decoder] of DECODERS.entries()) {
    const tokens = decoderOf(decoder);
    for (const [number, ids] of lists.entries()) {
      const label = `${JSON.stringify(decoder)} of ${JSON.stringify(ids.map((id) => VOCABULARY[id]))}`;
      const text = expected[at]![number]!;
      assert.equal(tokens.decode(ids, { skipSpecialTokens: true }), text, label);
      const cut = number % (ids.length + 1), prompt = ids.slice(0, cut);
      const before = tokens.decode(prompt, { skipSpecialTokens: true });
      // Nothing can follow the text of half a character, nor of the token whose end is written otherwise if nothing follows.
      if (before.endsWith("\ufffd") || lastOf(prompt) === id("a</w>b")) continue;
      const detokenizer = tokens.detokenizer({ skipSpecialTokens: true });
      detokenizer.follow(prompt);
      const pushed = ids.slice(cut).map((id) => detokenizer.push(id));
      assert.equal(before + pushed.join("") + detokenizer.flush(), text, `${label} behind ${cut} tokens`);
    }
  }
});

Deno.test("decoders that do not work token by token are refused", () => {
  const refused: readonly TokenizerStep[] = [
    { type: "CTC" },
    sequence(fuse, metaspace("first")),
    sequence(fuse, strip(1, 1)),
    sequence(byteFallback, replace("▁", " ")),
    sequence(byteLevel, replace("▁", " ")),
    { type: "Replace", pattern: { Regex: "a+" }, content: "" },
    { type: "Strip", content: "ab", start: 1, stop: 0 },
  ];
  for (const decoder of refused) {
    assert.throws(
      () => decoderOf(decoder),
      (error: Error) =>
        error instanceof LoadError && /^Cannot load test: decoder \{.* is not supported$/.test(error.message),
      JSON.stringify(decoder),
    );
  }
});
