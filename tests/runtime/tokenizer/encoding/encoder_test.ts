import assert from "node:assert/strict";
import { LoadError } from "../../../../runtime/contracts/errors.ts";
import { Encoder } from "../../../../runtime/tokenizer/encoding/encoder.ts";
import { loadTokenizer } from "../../../../runtime/tokenizer/tokenizer.ts";
import type { TokenizerJson } from "../../../../runtime/tokenizer/source.ts";
import { oddTexts, random } from "../../../support/odd_texts.ts";
import { askReference, needsReferences } from "../../../support/references.ts";
import { TINY_DEFINITIONS } from "../../../support/tiny_definitions.ts";

const refuse = (reason: string) => new LoadError(reason);

/** Texts of the tiny vocabularies' letters and added tokens, and others. */
function texts(): string[] {
  const next = random(7);
  const parts = [
    ..."abcdefgst '.,▁éßあ漢-_1\n  ",
    "<s>",
    "the",
    "The",
    " a",
    "a b",
    "ab",
    "AB",
    "\t",
    "\u0085",
    "\ufeff",
    "٣٤٥",
  ];
  const made = Array.from({ length: 250 }, () => {
    const length = 1 + Math.floor(next() * 25);
    return Array.from({ length }, () => parts[Math.floor(next() * parts.length)]!).join("");
  });
  return [...made, ...oddTexts(60, 3).map((text) => text.toWellFormed()), "", "<s>", "a".repeat(150)];
}

interface Answer {
  readonly ids: readonly (readonly number[])[];
  readonly plain: readonly (readonly number[])[];
  readonly texts: readonly string[];
  readonly error?: string;
}

const rust = await needsReferences("tokenizers");
Deno.test(
  "encoder: every setting of models, added tokens and post-processors is the Rust library's",
  rust,
  async (t) => {
    const names = Object.keys(TINY_DEFINITIONS);
    const cases = names.map((name) => ({
      json: { version: "1.0", ...TINY_DEFINITIONS[name] },
      texts: texts(),
    }));
    const answers = await askReference("tokenizers_encode.py", cases) as readonly Answer[];
    for (const [i, name] of names.entries()) {
      await t.step(name, () => {
        const json = TINY_DEFINITIONS[name]!;
        const { ids, plain, texts: decoded, error } = answers[i]!;
        assert.equal(error, undefined);
        const tokenizer = loadTokenizer({ path: "tiny", json, eosTokenIds: [], chatAddsBos: false });
        const specials = new Set(json["added_tokens"].filter(({ special }) => special).map(({ id }) => id));
        for (const [j, text] of texts().entries()) {
          const found = [...tokenizer.encode(text, { parseSpecial: true })];
          assert.deepEqual(found, ids[j], JSON.stringify(text));
          assert.equal(tokenizer.decode(found), decoded[j], JSON.stringify(text));
          const written = [...tokenizer.encode(text, { addSpecialTokens: false })];
          // There the model may make a special token of text; here it never does.
          if (plain[j]!.some((id) => specials.has(id))) assert.ok(!written.some((id) => specials.has(id)));
          else assert.deepEqual(written, plain[j], JSON.stringify(text));
        }
      });
    }
  },
);

Deno.test("encoder: characters that a Unigram model does not know become the tokens of their bytes", async () => {
  const golden = new URL("../../../golden/unigram_byte_fallback.json", import.meta.url);
  const { json, encodings } = JSON.parse(await Deno.readTextFile(golden)) as {
    readonly json: TokenizerJson;
    readonly encodings: readonly [text: string, ids: readonly number[]][];
  };
  const tokenizer = loadTokenizer({ path: "golden", json, eosTokenIds: [], chatAddsBos: false });
  for (const [text, ids] of encodings) {
    assert.deepEqual([...tokenizer.encode(text)], ids, text);
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), text);
  }
});

Deno.test("encoder: a SentencePiece model with nmt_nfkc is normalized and cut as in the Rust library", {
  ...await needsReferences("tokenizers", "sentencepiece"),
}, async () => {
  const corpus = Array.from(
    { length: 40 },
    (_, i) => `the quick ${"brown".repeat(i % 3)} fox jumps over ${i} lazy dogs, ﬁne Ａ ｶﾞ`,
  );
  const joined = [
    ..."ab e\u0301ﾊﾟﾊﾞｶﾞ\u200b\u200d\ufeff\u0085\u3000①ﬁ㍿Å½…～\u1100\u1161\u11a8क्षि👩‍🚀\r\n\u0300\u0344",
  ];
  const next = random(11);
  const pieces = Array.from(
    { length: 400 },
    () =>
      Array.from({ length: 1 + Math.floor(next() * 8) }, () => joined[Math.floor(next() * joined.length)]!)
        .join(""),
  );
  const given = [...pieces, ...oddTexts(300, 4).map((text) => text.toWellFormed())];
  const { json, ids, normalized } = await askReference("tokenizers_sentencepiece.py", {
    corpus,
    texts: given,
  }) as {
    readonly json: TokenizerJson;
    readonly ids: readonly number[][];
    readonly normalized: readonly string[];
  };
  const encoder = new Encoder(json, refuse);
  for (const [i, text] of given.entries()) {
    const found = encoder.encode(text, { parseSpecial: true });
    assert.deepEqual(found, ids[i], `${JSON.stringify(text)}, normalized ${JSON.stringify(normalized[i])}`);
  }
});
