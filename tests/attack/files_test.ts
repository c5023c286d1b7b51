/**
 * Files that are not what they should be, given to the real server: each is one clear line and exit code 1.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { mkfifoIn } from "../support/fifo.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TINY_TOKENIZER } from "../support/tiny_tokenizer.ts";
import { type TinyModelOptions, writeTinyModel } from "../support/tiny_model.ts";
import { zipBytes } from "../support/zip_writer.ts";

/** Ten times the two seconds that are promised. */
const LIMIT_MS = 20_000;

/** Puts a file into an empty folder and returns the flags that name it. */
type Prepare = (folder: string) => Promise<readonly string[]>;

interface BadFile {
  readonly name: string;
  readonly prepare: Prepare;
  readonly expected: RegExp;
}

/** A GGUF model with one thing wrong. */
function gguf(name: string, change: Partial<TinyModelOptions>, expected: RegExp): BadFile {
  const prepare: Prepare = async (folder) => [
    "--model-path",
    await writeTinyModel(folder, { kind: "gguf", seed: 1, ...change }),
  ];
  return { name, prepare, expected };
}

/** A model folder of which one file is replaced. */
function replaced(
  file: string,
  name: string,
  write: (path: string) => Promise<void>,
  expected: RegExp,
): BadFile {
  const prepare: Prepare = async (folder) => {
    await writeTinyModel(folder, { kind: "safetensors", seed: 1 });
    await Deno.remove(join(folder, file)).catch(() => {});
    await write(join(folder, file));
    return ["--model-path", folder];
  };
  return { name: `${file}: ${name}`, prepare, expected };
}

function json(file: string, name: string, content: unknown, expected: RegExp): BadFile {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return replaced(file, name, (path) => Deno.writeTextFile(path, text), expected);
}

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  "hidden_size": 64,
  "intermediate_size": 128,
  "num_hidden_layers": 2,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "head_dim": 16,
  "vocab_size": TINY_TOKENIZER.tokens.length,
};
const config = (field: object, expected: RegExp) =>
  json("config.json", JSON.stringify(field), { ...CONFIG, ...field }, expected);

const tokenizer = (name: string, part: object, expected: RegExp) =>
  json("tokenizer.json", name, { ...TINY_TOKENIZER.json, ...part }, expected);
const model = (part: object) => ({ model: { ...TINY_TOKENIZER.json.model, ...part } });

/** tokenizer.json whose normalizer is nested deeper than JSON.stringify could write it. */
function nested(depth: number): string {
  const text = JSON.stringify({ ...TINY_TOKENIZER.json, normalizer: "deep" });
  const open = '{"type":"Sequence","normalizers":['.repeat(depth);
  return text.replace('"deep"', `${open}{"type":"NFC"}${"]}".repeat(depth)}`);
}

const doubling = { type: "Replace", pattern: { String: "a" }, content: "aa" };

/** A draft head of PyTorch's: a pickle of this opcode over and over. */
function pickled(name: string, opcode: number, bytes: number, expected: RegExp): BadFile {
  const prepare: Prepare = async (folder) => {
    const content = new Uint8Array(bytes).fill(opcode), head = join(folder, "head");
    content.set([0x80, 2]);
    await Deno.mkdir(head);
    await Deno.writeTextFile(join(head, "config.json"), JSON.stringify(CONFIG));
    const file = await zipBytes([{ name: "head/data.pkl", content, deflated: false }]);
    await Deno.writeFile(join(head, "pytorch_model.bin"), file);
    return withModel(folder, "--speculative-algorithm", "EAGLE", "--speculative-draft-model-path", head);
  };
  return { name, prepare, expected };
}

async function withModel(folder: string, ...flags: readonly string[]): Promise<readonly string[]> {
  return ["--model-path", await writeTinyModel(folder, { kind: "gguf", seed: 1 }), ...flags];
}

/** A path that a flag names besides a good model. */
function beside(flag: string, path: (folder: string) => Promise<string>, expected: RegExp): BadFile {
  const prepare: Prepare = async (folder) => withModel(folder, flag, await path(folder));
  return { name: `${flag} ${expected.source}`, prepare, expected };
}

const fifo = (name: string) => (folder: string) => mkfifoIn(folder, name);
const device = (name: string) => async (folder: string) => {
  await Deno.symlink("/dev/zero", join(folder, name));
  return join(folder, name);
};

const BAD_FILES: readonly BadFile[] = [
  gguf("epsilon NaN", { config: { rmsNormEps: NaN } }, /layer_norm_rms_epsilon is not a number/),
  gguf("epsilon 0", { config: { rmsNormEps: 0 } }, /the epsilon of RMS norms is 0, expected a positive/),
  gguf("epsilon below 0", { config: { rmsNormEps: -1e-5 } }, /the epsilon of RMS norms is -/),
  gguf(
    "rotary base 0",
    { config: { rope: { theta: 0 } } },
    /the rotary base is 0, expected a positive number/,
  ),
  gguf("rotary base NaN", { config: { rope: { theta: NaN } } }, /rope\.freq_base is not a number/),
  gguf(
    "context beyond 32 bits",
    { ggufFields: { "llama.context_length": { type: "u64", value: 2 ** 40 } } },
    /the context length is 1099511627776, expected 1\.\.2147483647/,
  ),
  gguf(
    "heads whose product leaves 32 bits",
    {
      ggufFields: {
        "llama.attention.head_count": { type: "u32", value: 2 ** 31 - 2 },
        "llama.attention.head_count_kv": { type: "u32", value: 2 ** 30 - 1 },
      },
    },
    /heads of 16 are too wide/,
  ),
  gguf(
    "tokens that are numbers",
    { ggufFields: { "tokenizer.ggml.tokens": { type: "i32s", value: [1, 2, 3] } } },
    /tokenizer\.ggml\.tokens is not strings/,
  ),
  gguf(
    "merges that are a text",
    { ggufFields: { "tokenizer.ggml.merges": { type: "string", value: "a b" } } },
    /tokenizer\.ggml\.merges is not strings/,
  ),
  config({ "rms_norm_eps": 0 }, /rms_norm_eps: /),
  config({ "rms_norm_eps": 1e-60 }, /the epsilon of RMS norms is 1e-60/),
  config({ "rope_theta": -1 }, /rope_theta: /),
  config({ "rope_theta": 1e300 }, /the rotary base is 1e\+300/),
  config({ "max_position_embeddings": 2 ** 40 }, /the context length is 1099511627776/),
  config({ "num_attention_heads": 1e300 }, /num_attention_heads: /),
  json("config.json", "a list", [], /config\.json: document: /),
  json(
    "config.json",
    "ten million brackets",
    "[".repeat(10_000_000),
    /config\.json: it is nested too deeply/,
  ),
  replaced("config.json", "a FIFO", async (path) => {
    await mkfifoIn(join(path, ".."), "config.json");
  }, /config\.json: it is a FIFO, expected a file/),
  replaced("model.safetensors", "a folder", (path) => Deno.mkdir(path), /it is a folder, expected a file/),
  tokenizer("vocabulary a list", model({ vocab: [] }), /model\.vocab: a list, expected an object/),
  tokenizer("vocabulary empty", model({ vocab: {} }), /model\.vocab: it is empty/),
  tokenizer("ids that are texts", model({ vocab: { a: "b" } }), /model\.vocab: "a" has id "b"/),
  tokenizer("ids beyond reach", model({ vocab: { a: 2 ** 40 } }), /model\.vocab: "a" has id 1099511627776/),
  tokenizer("merges that are numbers", model({ merges: [1, 2] }), /model\.merges: 1, expected two tokens/),
  tokenizer("merges of one token", model({ merges: [["a"]] }), /model\.merges: a list, expected two tokens/),
  json(
    "tokenizer.json",
    "a normalizer 100,000 deep",
    nested(100_000),
    /tokenizer\.json: it is nested too deeply/,
  ),
  tokenizer(
    "a thousand normalizers",
    { normalizer: { type: "Sequence", normalizers: Array(1000).fill({ type: "NFC" }) } },
    /normalizer: it has more than 64 steps/,
  ),
  tokenizer(
    "exploding normalizer",
    { normalizer: { type: "Sequence", normalizers: Array(40).fill(doubling) } },
    /normalizer: its replacements make texts too long/,
  ),
  tokenizer("decoder without steps", { decoder: { type: "Sequence" } }, /decoder\.decoders: expected a list/),
  {
    name: "a model that is a FIFO",
    prepare: async (folder) => ["--model-path", await mkfifoIn(folder, "a.gguf")],
    expected: /it is a FIFO, expected a file/,
  },
  {
    name: "a model that is a device",
    prepare: async (folder) => ["--model-path", await device("a.gguf")(folder)],
    expected: /it is a device, expected a file/,
  },
  {
    name: "a model that is an empty folder",
    prepare: async (folder) => {
      await Deno.mkdir(join(folder, "a.gguf"));
      return ["--model-path", join(folder, "a.gguf")];
    },
    expected: /no \.safetensors, pytorch_model\.bin or \.gguf file in it/,
  },
  beside("--chat-template", fifo("chat.jinja"), /Cannot read chat template .*: it is a FIFO/),
  beside("--chat-template", device("chat.jinja"), /Cannot read chat template .*: it is a device/),
  beside("--tokenizer-path", fifo("tokenizer.json"), /tokenizer\.json: it is a FIFO/),
  beside("--tokenizer-path", (folder) => Promise.resolve(join(folder, "none")), /Cannot read .*none/),
  beside("--api-key-file", fifo("key"), /Cannot use --api-key-file .*: it is not a file/),
  pickled("60 MB of pickle", 0x7d, 60 << 20, /compressed or over 8388608 bytes/),
  pickled("eight million dicts", 0x7d, 8 << 20, /it holds more than 2000000 values/),
  pickled("eight million marks", 0x28, 8 << 20, /it holds more than 2000000 values/),
];

Deno.test("files: what cannot be used is one clear line and exit code 1, soon", async () => {
  const waiting = [...BAD_FILES];
  const work = async () => {
    for (let bad = waiting.pop(); bad !== undefined; bad = waiting.pop()) await assertRefused(bad);
  };
  await Promise.all([work(), work()]);
});

async function assertRefused({ name, prepare, expected }: BadFile): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const flags = await prepare(folder), start = performance.now();
    const { code, log } = await ServerProcess.startAndFail(flags);
    const ms = performance.now() - start;
    const lines = log.trimEnd().split("\n"), errors = lines.filter((line) => line.startsWith("Error: "));
    assert.equal(errors.length, 1, `${name}:\n${log}`);
    assert.equal(lines.at(-1), errors[0], `${name}: the line is the last`);
    assert.match(errors[0]!, /^Error: Cannot /, name);
    assert.match(errors[0]!, expected, name);
    assert(errors[0]!.length < 600, `${name}: ${errors[0]!.length} characters`);
    assert.equal(code, 1, name);
    assert(ms < LIMIT_MS, `${name}: ${ms} ms`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("files: the key of the environment opens the server and shows nowhere", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const model = await writeTinyModel(folder, { kind: "gguf", seed: 1, config: { headDim: 32 } });
    const flags = ["--model-path", model, "--skip-server-warmup"];
    await using server = await ServerProcess.start(flags, { env: { AERIE_API_KEY: "sk-hidden" } });
    const ask = async (headers: HeadersInit) => {
      const response = await fetch(`${server.url}/get_server_info`, { headers });
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await ask({})).status, 401);
    const { status, text } = await ask({ Authorization: "Bearer sk-hidden" });
    assert.equal(status, 200);
    const shown = [text, Deno.readTextFileSync(`/proc/${server.pid}/cmdline`), ...server.log];
    assert(!shown.join().includes("sk-hidden"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
