/**
 * GGUF tokenizers of kind `llama` beside PyPI sentencepiece, and the folders made of them beside PyPI tokenizers.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ensureLoadableFolders } from "../../../runtime/tokenizer/loadable_folders.ts";
import { loadTokenizer, openTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { oddTexts } from "../../support/odd_texts.ts";
import { askReference, needsReferences } from "../../support/references.ts";

interface Model {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly ids: readonly (readonly number[])[];
  readonly texts: readonly string[];
}

const bytes = { "vocab_size": 420, "byte_fallback": true, "remove_extra_whitespaces": false };
const MODELS: readonly Model[] = [
  { name: "llama", options: bytes },
  {
    name: "gemma",
    options: {
      ...bytes,
      "add_dummy_prefix": false,
      "user_defined_symbols": ["▁▁", "▁▁▁", "▁▁▁▁", "<tag>", "kato"],
      "allow_whitespace_only_pieces": true,
    },
  },
  {
    name: "unknown",
    options: { "vocab_size": 120, "byte_fallback": false, "remove_extra_whitespaces": true },
  },
];

/** Words of the models' corpus, so that there is something to merge. */
const SYLLABLES = [
  "ka",
  "to",
  "mi",
  "re",
  "kato",
  "an",
  "ing",
  "the",
  "er",
  "qu",
  "é",
  "日",
  "本",
  "ж",
  "<tag>",
  "x",
];
const TEXTS = [
  ...oddTexts(300, 3).map((text) => text.toWellFormed().replaceAll("\0", "")),
  ...oddTexts(300, 4).map((text, seed) =>
    Array.from(text.slice(0, 40), (_, i) => SYLLABLES[(text.charCodeAt(i) + seed) % SYLLABLES.length]!)
      .join(seed % 3 === 0 ? " " : seed % 3 === 1 ? "" : "  ")
  ),
];

Deno.test("gguf: scores give the ids and texts of sentencepiece, and folders those of tokenizers", {
  ...await needsReferences("sentencepiece", "gguf", "tokenizers"),
}, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const models = MODELS.map((model) => ({ ...model, texts: TEXTS }));
    const answers = await askReference("sentencepiece_models.py", { folder, models }) as readonly Answer[];
    const sources = await Promise.all(MODELS.map(({ name }) => openTokenizer(join(folder, `${name}.gguf`))));
    const folders = await Promise.all(
      sources.map((source) =>
        ensureLoadableFolders(source, { cacheDir: folder, contextLength: 64, modelFiles: [] })
      ),
    );
    const exported = await askReference(
      "tokenizers_encode.py",
      folders.map(({ tokenizer }) => ({ path: join(tokenizer, "tokenizer.json"), texts: TEXTS })),
    ) as readonly Answer[];
    for (const [i, { name }] of MODELS.entries()) {
      await t.step(name, () => {
        const tokenizer = loadTokenizer(sources[i]!), { ids, texts } = answers[i]!;
        for (const [j, text] of TEXTS.entries()) {
          // Where SentencePiece's sign for a space is written out, it looks for user-defined pieces and for runs of spaces,
          // and llama.cpp does not.
          if (name !== "llama" && text.includes("▁")) continue;
          const label = JSON.stringify(text);
          const found = [...tokenizer.encode(text, { addSpecialTokens: false })];
          assert.deepEqual(found, ids[j], label);
          const decoded = tokenizer.decode(found);
          // Where bytes stand for what is no character, each of them is one replacement in SentencePiece.
          if (name !== "unknown" && !texts[j]!.includes("\ufffd")) assert.equal(decoded, texts[j], label);
        }
      });
      await t.step(`${name} as a folder`, () => {
        const tokenizer = loadTokenizer(sources[i]!);
        for (const [j, text] of TEXTS.entries()) {
          const found = [...tokenizer.encode(text, { parseSpecial: true })];
          assert.deepEqual(found, exported[i]!.ids[j], JSON.stringify(text));
          assert.equal(tokenizer.decode(found), exported[i]!.texts[j], JSON.stringify(text));
        }
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
