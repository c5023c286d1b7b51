/**
 * The folder that is written for a GGUF gives the ids that Aerie gives, whoever loads it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { ensureLoadableFolders } from "../../../runtime/tokenizer/loadable_folders.ts";
import { loadTokenizer, openTokenizer, type TokenizerSource } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { needsModel } from "../../support/model_file.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const contextLength = 8192;

/** Texts of many kinds; the cut of digits and white space is where implementations differ. */
const TEXTS = [
  "The capital city of France is Paris, 1!",
  "In 1984 and 2024: 3.14159, don't we'LL I'm",
  "tabs\tand\n\n  two lines  \n",
  "日本語😀👩‍👩‍👧 café cafe\u0301",
  "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
  "a<|endoftext|>b <|im_end|> c",
  "<|im_start|",
  "",
];

const real = needsModel();
const python = Deno.env.get("AERIE_PYTHON") ?? "python3";
const hasTokenizers = await new Deno.Command(python, {
  args: ["-c", "import tokenizers"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);

async function inTempDir(use: (cacheDir: string) => Promise<void>): Promise<void> {
  const cacheDir = await Deno.makeTempDir();
  try {
    await use(cacheDir);
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

/** Ids by Aerie, special tokens read as such. */
function idsOf(source: TokenizerSource): number[][] {
  const tokenizer = loadTokenizer(source);
  return TEXTS.map((text) => [...tokenizer.encode(text, { parseSpecial: true })]);
}

Deno.test("loadable folders: JavaScript's library gives the same ids", { ignore: real.ignore }, async () => {
  await inTempDir(async (cacheDir) => {
    const source = await openTokenizer(real.path);
    const { tokenizer: folder, model } = await ensureLoadableFolders(source, {
      cacheDir,
      contextLength,
      modelFiles: [real.path],
    });
    // The server can be started from it.
    const opened = await openCheckpoint(await resolveModel(model));
    assert.equal(await Deno.realPath(opened.checkpoint.files[0]!), await Deno.realPath(real.path));
    const config = await readJson(folder, "tokenizer_config.json");
    const library = new LibraryTokenizer(await readJson(folder, "tokenizer.json"), config);
    // Its ByteLevel knows less white space than the Rust library; these texts do not show it.
    assert.deepEqual(TEXTS.map((text) => library.encode(text).ids), idsOf(source));
    assert.equal(config.chat_template, source.chatTemplate);
    assert.deepEqual(
      [config.bos_token, config.eos_token, config.model_max_length],
      ["<|im_start|>", "<|im_end|>", contextLength],
    );
  });
});

/** Prints, as JSON, the ids of the texts on its input, special tokens read and written, and their text again. */
const SCRIPT = `
import json, sys
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
ids = [tokenizer.encode(text).ids for text in json.load(sys.stdin)]
print(json.dumps([ids, [tokenizer.decode(i, skip_special_tokens=False) for i in ids]]))
`;

Deno.test("loadable folders: the Rust library gives the same ids", {
  ignore: (!hasTokenizers || real.ignore) && !Deno.env.get("CI"),
}, async () => {
  await inTempDir(async (cacheDir) => {
    const source = await openTokenizer(real.path);
    const withBos = { ...source, addBos: true };
    for (const variant of [source, withBos]) {
      const options = { cacheDir, contextLength, modelFiles: [] };
      const { tokenizer: folder, model } = await ensureLoadableFolders(variant, options);
      assert.equal(model, undefined);
      const child = new Deno.Command(python, {
        args: ["-c", SCRIPT, join(folder, "tokenizer.json")],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const input = child.stdin.getWriter();
      await input.write(new TextEncoder().encode(JSON.stringify(TEXTS)));
      await input.close();
      const [ids, texts] = JSON.parse(new TextDecoder().decode((await child.output()).stdout));
      const expected = idsOf(variant);
      assert.deepEqual(ids, expected);
      const tokenizer = loadTokenizer(variant);
      assert.deepEqual(texts, expected.map((list) => tokenizer.decode(list)));
    }
  });
});

Deno.test("loadable folders: it is written once, as a whole, and another one for other content", async () => {
  await inTempDir(async (cacheDir) => {
    const source = { ...TINY_TOKENIZER, path: "tiny.gguf", eosTokenIds: [2], chatAddsBos: false };
    const [a, b] = [join(cacheDir, "a.gguf"), join(cacheDir, "b.gguf")];
    for (const file of [a, b]) await Deno.writeTextFile(file, "");
    const write = async (changes: Partial<TokenizerSource> = {}, modelFiles = [a]) => {
      const options = { cacheDir: join(cacheDir, "folders"), contextLength, modelFiles };
      return (await ensureLoadableFolders({ ...source, ...changes }, options)).tokenizer;
    };
    const folders = await Promise.all([write(), write(), write()]);
    assert.equal(new Set(folders).size, 1);
    assert.deepEqual(
      [...Deno.readDirSync(folders[0]!)].map(({ name }) => name).toSorted(),
      ["a.gguf", "tokenizer.json", "tokenizer_config.json"],
    );
    const { mtime } = await Deno.stat(folders[0]!);
    assert.equal(await write(), folders[0]);
    assert.deepEqual((await Deno.stat(folders[0]!)).mtime, mtime);
    assert.notEqual(await write({ chatTemplate: "other" }), folders[0]);
    assert.notEqual(await write({}, [b]), folders[0]);
    assert.equal([...Deno.readDirSync(join(cacheDir, "folders"))].length, 3, "nothing else is left");
  });
});

Deno.test("loadable folders: those of models that are gone are removed when one is made", async () => {
  await inTempDir(async (cacheDir) => {
    const source = { ...TINY_TOKENIZER, path: "tiny.gguf", eosTokenIds: [2], chatAddsBos: false };
    const [kept, gone, last] = ["kept", "gone", "last"].map((name) => join(cacheDir, `${name}.gguf`));
    for (const file of [kept, gone, last]) await Deno.writeTextFile(file!, "");
    const make = async (file: string) => {
      const options = { cacheDir: join(cacheDir, "folders"), contextLength, modelFiles: [file] };
      return (await ensureLoadableFolders(source, options)).tokenizer;
    };
    const folders = [await make(kept!), await make(gone!)];
    await Deno.remove(gone!);
    folders.push(await make(last!));
    const left = [...Deno.readDirSync(join(cacheDir, "folders"))].map(({ name }) => name);
    assert.deepEqual(left.toSorted(), [folders[0]!, folders[2]!].map((path) => basename(path)).toSorted());
  });
});

Deno.test("loadable folders: a model's own folder is used where it is", async () => {
  const source = {
    ...TINY_TOKENIZER,
    path: "/models/a/tokenizer.json",
    eosTokenIds: [2],
    chatAddsBos: false,
  };
  const options = { cacheDir: "/absent", contextLength, modelFiles: ["/models/a/model.safetensors"] };
  assert.deepEqual(await ensureLoadableFolders(source, options), { tokenizer: "/models/a" });
});
