import assert from "node:assert/strict";
import { join } from "node:path";
import { readHuggingFaceTokenizer } from "../../../runtime/tokenizer/huggingface_tokenizer.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { oddTexts } from "../../support/odd_texts.ts";
import { REAL_VOCABULARIES } from "../../support/real_vocabularies.ts";
import { askReference, needsReferences } from "../../support/references.ts";

interface Answer {
  readonly ids: readonly (readonly number[])[];
  readonly plain: readonly (readonly number[])[];
  readonly texts: readonly string[];
}

const names = Object.keys(REAL_VOCABULARIES);

Deno.test("real vocabularies: 2,000 texts have the ids of PyPI tokenizers, and their text", {
  ...await needsReferences("tokenizers"),
}, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const texts = oddTexts(2000, 1).map((text) => text.toWellFormed());
    const cases = await Promise.all(names.map(async (name) => {
      await Deno.mkdir(join(folder, name));
      const path = join(folder, name, "tokenizer.json");
      await Deno.writeTextFile(path, JSON.stringify((await REAL_VOCABULARIES[name]!()).default));
      return { path, texts };
    }));
    const answers = await askReference("tokenizers_encode.py", cases) as readonly Answer[];
    for (const [i, name] of names.entries()) {
      await t.step(name, async () => {
        const tokenizer = loadTokenizer(await readHuggingFaceTokenizer(join(folder, name)));
        const { ids, plain, texts: decoded } = answers[i]!;
        for (const [j, text] of oddTexts(2000, 1).entries()) {
          const found = [...tokenizer.encode(text, { parseSpecial: true })];
          assert.deepEqual(found, ids[j], JSON.stringify(text));
          assert.equal(tokenizer.decode(found), decoded[j], JSON.stringify(text));
          const unparsed = [...tokenizer.encode(text, { addSpecialTokens: false })];
          assert.deepEqual(unparsed, plain[j], JSON.stringify(text));
        }
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
