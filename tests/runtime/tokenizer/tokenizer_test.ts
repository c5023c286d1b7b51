import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { ChatMessage } from "../../../runtime/contracts/chat.ts";
import { loadTokenizer, openTokenizer, type TokenizerSource } from "../../../runtime/tokenizer/tokenizer.ts";
import { needsModel } from "../../support/model_file.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

interface GoldenPrompt {
  readonly messages: readonly ChatMessage[];
  readonly "prompt_text": string;
  readonly "prompt_token_ids": readonly number[];
}

/** Made by an independent implementation; see shared/golden. */
const GOLDEN: readonly GoldenPrompt[] = Deno.readTextFileSync(
  new URL("../../golden/smollm2_prompts.jsonl", import.meta.url),
).trim().split("\n").map((line) => JSON.parse(line));

function tinySource(changes: Partial<TokenizerSource> = {}): TokenizerSource {
  return {
    path: "tiny",
    json: TINY_TOKENIZER.json,
    bosToken: "<|im_start|>",
    eosToken: "<|im_end|>",
    eosTokenIds: [TINY_TOKENIZER.eosTokenId],
    chatAddsBos: false,
    chatTemplate: TINY_TOKENIZER.chatTemplate,
    ...changes,
  };
}

const real = needsModel();
Deno.test("the real model's prompts equal the golden ones", { ignore: real.ignore }, async () => {
  const tokenizer = loadTokenizer(await openTokenizer(real.path));
  assert.deepEqual([tokenizer.vocabSize, tokenizer.bosTokenId, tokenizer.eosTokenIds], [49152, 1, [2]]);
  for (const { messages, prompt_text: text, prompt_token_ids: ids } of GOLDEN) {
    assert.deepEqual([...tokenizer.renderChat(messages)], ids);
    assert.deepEqual([...tokenizer.encode(text, { parseSpecial: true })], ids);
    assert.equal(tokenizer.decode(ids), text);
  }
});

Deno.test("the real model's digits and white space are cut as Hugging Face cuts them", {
  ignore: real.ignore,
}, async () => {
  const gguf = await openTokenizer(real.path);
  // As the model's tokenizer.json has it; GGUF only names it.
  const published: TokenizerSource = {
    ...gguf,
    json: { ...gguf.json, "pre_tokenizer": TINY_TOKENIZER.json["pre_tokenizer"] },
  };
  // Ids by the Rust tokenizers library (0.23.3) over the same vocabulary with Digits and ByteLevel.
  const cases: readonly [text: string, ids: readonly number[]][] = JSON.parse(
    await Deno.readTextFile(new URL("../../golden/smollm2_encodings.json", import.meta.url)),
  );
  for (const tokenizer of [gguf, published].map((source) => loadTokenizer(source))) {
    for (const [text, ids] of cases) assert.deepEqual([...tokenizer.encode(text)], ids, JSON.stringify(text));
  }
});

Deno.test("GGUF metadata and tokenizer.json give the same tokenizer", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const gguf = loadTokenizer(await openTokenizer(await writeTinyModel(folder, { kind: "gguf", seed: 1 })));
    const json = loadTokenizer(
      await openTokenizer(await writeTinyModel(folder, { kind: "safetensors", seed: 1 })),
    );
    const messages = [{ role: "user", content: "rest in 1234 tents" }];
    assert.deepEqual(gguf.renderChat(messages), json.renderChat(messages));
    assert.deepEqual([gguf.bosTokenId, gguf.eosTokenIds, gguf.vocabSize], [
      json.bosTokenId,
      json.eosTokenIds,
      320,
    ]);
    assert.equal(gguf.chatTemplate, json.chatTemplate);
    // "rest" uses merges, digits stand alone.
    assert.ok(gguf.encode("rest").length < 4);
    assert.equal(gguf.encode("1234").length, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a chat template file replaces the one in tokenizer_config.json", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await writeTinyModel(folder, { kind: "safetensors", seed: 1 });
    await Deno.writeTextFile(join(path, "chat_template.jinja"), "{{ messages[0].content }}");
    assert.equal(loadTokenizer(await openTokenizer(path)).chatTemplate, "{{ messages[0].content }}");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("any text survives encoding and decoding, and the detokenizer says the same bit by bit", () => {
  const tokenizer = loadTokenizer(tinySource());
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (any) => {
    const text = any.replaceAll("\ufffd", "");
    const ids = [...tokenizer.encode(text)];
    assert.equal(tokenizer.decode(ids), text);
    const detokenizer = tokenizer.detokenizer();
    for (const id of ids) assert.doesNotMatch(detokenizer.push(id), /\ufffd/);
    assert.equal(detokenizer.flush(), "");
  }));
});

Deno.test("characters split over tokens are held back until they are whole", () => {
  const tokenizer = loadTokenizer(tinySource());
  const ids = [...tokenizer.encode("a👩‍🚀é")];
  assert.equal(ids.length, 1 + 4 + 3 + 4 + 2);
  const detokenizer = tokenizer.detokenizer();
  const pushed = ids.map((id) => detokenizer.push(id));
  assert.deepEqual(pushed, ["a", "", "", "", "👩", "", "", "\u200d", "", "", "", "🚀", "", "é"]);
  assert.equal(tokenizer.decode([ids[1]!]), "\ufffd");
  assert.deepEqual(tokenizer.tokenBytes(ids[1]!), Uint8Array.of(0xf0));
});

Deno.test("pushes and flush together are the text of any tokens, valid or not", () => {
  const tokenizer = loadTokenizer(tinySource());
  const tokens = fc.array(fc.nat(TINY_TOKENIZER.tokens.length - 1), { maxLength: 60 });
  fc.assert(fc.property(tokens, fc.boolean(), (ids, skipSpecialTokens) => {
    const detokenizer = tokenizer.detokenizer({ skipSpecialTokens });
    const pieces = ids.map((id) => detokenizer.push(id));
    const text = pieces.join("") + detokenizer.flush();
    assert.equal(text, tokenizer.decode(ids, { skipSpecialTokens }));
    const kept = ids.filter((id) => !skipSpecialTokens || !tokenizer.isSpecial(id));
    const bytes = new Uint8Array(kept.flatMap((id) => [...tokenizer.tokenBytes(id)]));
    assert.equal(text, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  }));
});

Deno.test("special tokens in a text are text unless asked for", () => {
  const tokenizer = loadTokenizer(tinySource());
  const text = "a<|im_end|>b";
  const plain = [...tokenizer.encode(text)];
  assert.equal(tokenizer.decode(plain), text);
  assert.ok(!plain.some((id) => tokenizer.isSpecial(id)));
  const parsed = [...tokenizer.encode(text, { parseSpecial: true })];
  assert.equal(parsed.filter((id) => id === TINY_TOKENIZER.eosTokenId).length, 1);
  assert.equal(tokenizer.decode(parsed), text);
  assert.equal(tokenizer.decode(parsed, { skipSpecialTokens: true }), "ab");
  const shown = tokenizer.detokenizer({
    skipSpecialTokens: true,
    shownTokens: [TINY_TOKENIZER.eosTokenId],
  });
  assert.equal([...parsed, 0].map((token) => shown.push(token)).join("") + shown.flush(), text);
});

Deno.test("bos comes from the post-processor, and add_bos_token overrules it", () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|im_start|>", "type_id": 0 } }, { Sequence: { id: "A", "type_id": 0 } }],
    pair: [],
    "special_tokens": {},
  };
  const json = { ...TINY_TOKENIZER.json, "post_processor": template };
  const first = (changes: Partial<TokenizerSource>, addSpecialTokens = true) =>
    loadTokenizer(tinySource(changes)).encode("x", { addSpecialTokens })[0];
  assert.equal(first({ json }), TINY_TOKENIZER.bosTokenId);
  assert.notEqual(first({ json, addBos: false }), TINY_TOKENIZER.bosTokenId);
  assert.equal(first({ addBos: true }), TINY_TOKENIZER.bosTokenId);
  assert.notEqual(first({ addBos: true }, false), TINY_TOKENIZER.bosTokenId);
});

Deno.test("SentencePiece tokens are decoded by byte fallback and metaspace", () => {
  const pieces = ["<unk>", "<s>", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "▁", "a", "b", "▁a", "ab"];
  const source: TokenizerSource = {
    path: "pieces",
    json: {
      "added_tokens": [{ id: 1, content: "<s>", special: true }],
      normalizer: null,
      "pre_tokenizer": { type: "Metaspace", replacement: "▁", "prepend_scheme": "first", split: false },
      "post_processor": null,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
        merges: ["▁ a", "a b"],
        "byte_fallback": true,
        "unk_token": "<unk>",
      },
    },
    eosTokenIds: [],
    chatAddsBos: false,
  };
  const tokenizer = loadTokenizer(source);
  assert.deepEqual([...tokenizer.encode("a 😀")], [9, 6, 2, 3, 4, 5]);
  assert.equal(tokenizer.decode([9, 6, 2, 3, 4, 5]), "a 😀");
  // The dummy space belongs to the start of a document, not to text after a special token.
  assert.deepEqual([...tokenizer.encode("a<s>a", { parseSpecial: true })], [9, 1, 7]);
  assert.throws(
    () => loadTokenizer({ ...source, json: { ...source.json, decoder: { type: "CTC" } } }),
    (error: Error) => error instanceof LoadError && /decoder .*CTC/.test(error.message),
  );
});
