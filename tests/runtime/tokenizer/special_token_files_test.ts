/**
 * The files beside tokenizer.json, as transformers reads them.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { loadTokenizer, openTokenizer, type Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { askReference, needsReferences } from "../../support/references.ts";

/** The case `special_tokens_map` of issue 22: ids 0 to 2 are `<unk>`, `<s>`, `</s>`, all in its added tokens. */
const TOKENIZER = JSON.parse(
  Deno.readTextFileSync(new URL("../../golden/special_tokens_map_tokenizer.json", import.meta.url)),
);
const TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";
const MESSAGES = [{ role: "user", content: "hi" }];
const TEXTS = ["hi", "a<s>b</s>c", "the<call> <call>x", "he in ##he", " <sep>  <s> "];

interface Files {
  readonly config?: object;
  readonly map?: object;
  readonly added?: object;
  /** Replaces tokenizer.json's. */
  readonly addedTokens?: readonly object[];
}

const numTokens = Object.keys(TOKENIZER.model.vocab).length;
const flags = { "single_word": false, lstrip: false, rstrip: false, normalized: false };
const plain = (content: string) => ({
  ...flags,
  id: TOKENIZER.model.vocab[content],
  content,
  special: false,
  normalized: true,
});
const unknown = { id: 0, content: "<unk>", special: true, ...flags };

const CASES: readonly (readonly [name: string, Files])[] = [
  ["a map alone", { map: { "bos_token": "<s>", "eos_token": "</s>" } }],
  ["a config alone", { config: { "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>" } }],
  ["the map goes before the config", {
    config: { "bos_token": "</s>", "eos_token": "<s>", "pad_token": "</s>" },
    map: { "bos_token": { content: "<s>", ...flags }, "eos_token": "</s>" },
  }],
  ["a config with added_tokens_decoder leaves the map unread", {
    config: {
      "bos_token": "</s>",
      "eos_token": "<s>",
      "added_tokens_decoder": {
        "0": { ...unknown, id: undefined },
        "1": { content: "<s>", special: true, ...flags },
        "2": { content: "</s>", special: true, ...flags, rstrip: true },
      },
    },
    map: { "bos_token": "<s>", "eos_token": "</s>" },
    added: { "<call>": numTokens },
  }],
  ["tokens named in the map are special though tokenizer.json does not have them as added", {
    map: { "bos_token": "<s>", "eos_token": "</s>", "sep_token": "he" },
    addedTokens: [unknown],
  }],
  ["tokens added by a file of their own", {
    map: { "bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": ["<sep>"] },
    added: { "<call>": numTokens, "<sep>": numTokens + 1 },
  }],
  ["a token that is added and named, with settings", {
    config: {
      "eos_token": "</s>",
      "added_tokens_decoder": {
        "2": { content: "</s>", special: false, ...flags, lstrip: true },
        [numTokens]: { content: "<call>", special: false, ...flags, lstrip: true, normalized: true },
      },
    },
  }],
  ["plain tokens that are named, and others that are extra", {
    map: { "sep_token": "he", "extra_special_tokens": ["in"] },
    addedTokens: [unknown, plain("he"), plain("in")],
  }],
  ["plain tokens beside added_tokens_decoder", {
    config: {
      "sep_token": "he",
      "mask_token": "in",
      "added_tokens_decoder": { [plain("he").id]: { ...plain("he"), id: undefined } },
    },
    addedTokens: [unknown, plain("he"), plain("in")],
  }],
  ["extra tokens by name", {
    config: { "eos_token": "</s>", "extra_special_tokens": { "call_token": "he" } },
  }],
];

async function write(folder: string, { config = {}, map, added, addedTokens }: Files): Promise<void> {
  await Deno.mkdir(folder);
  const json = (name: string, value: unknown) =>
    Deno.writeTextFile(join(folder, name), JSON.stringify(value));
  await json("tokenizer.json", addedTokens ? { ...TOKENIZER, "added_tokens": addedTokens } : TOKENIZER);
  await json("tokenizer_config.json", {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "chat_template": TEMPLATE,
    ...config,
  });
  if (map !== undefined) await json("special_tokens_map.json", map);
  if (added !== undefined) await json("added_tokens.json", added);
}

async function withFolders<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function describe(tokenizer: Tokenizer) {
  const { facts } = tokenizer,
    encoded = TEXTS.map((text) => [...tokenizer.encode(text, { parseSpecial: true })]);
  return {
    bos: facts.bosToken ?? null,
    eos: facts.eosToken ?? null,
    unk: facts.unkToken ?? null,
    pad: facts.padToken ?? null,
    texts: encoded,
    chat: [...tokenizer.renderChat(MESSAGES)],
    decoded: encoded.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true })),
  };
}

Deno.test("special_tokens_map.json alone gives bos and eos to template and ids", async () => {
  await withFolders(async (folder) => {
    await write(join(folder, "a"), CASES[0]![1]);
    const tokenizer = loadTokenizer(await openTokenizer(join(folder, "a")));
    assert.deepEqual([...tokenizer.renderChat(MESSAGES)], [1, 74, 75, 2]);
    assert.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenIds], [1, [2]]);
  });
});

Deno.test(
  "special tokens are those that transformers finds",
  await needsReferences("transformers"),
  async (t) => {
    await withFolders(async (folder) => {
      const folders = CASES.map((_, i) => join(folder, `${i}`));
      for (const [i, [, files]] of CASES.entries()) await write(folders[i]!, files);
      const answers = await askReference("special_tokens.py", { folders, texts: TEXTS, messages: MESSAGES });
      for (const [i, [name]] of CASES.entries()) {
        await t.step(name, async () => {
          const { special: _, ...expected } = (answers as Record<string, unknown>[])[i]!;
          assert.deepEqual(describe(loadTokenizer(await openTokenizer(folders[i]!))), expected);
        });
      }
    });
  },
);

Deno.test("an added token with an id that tokenizer.json leaves no room for is refused", async () => {
  await withFolders(async (folder) => {
    await write(join(folder, "a"), { added: { "<call>": numTokens + 5 } });
    await assert.rejects(
      openTokenizer(join(folder, "a")),
      (error: Error) =>
        error instanceof LoadError &&
        error.message.endsWith(`"<call>" has id ${numTokens + 5}, expected ${numTokens} by tokenizer.json`),
    );
  });
});
