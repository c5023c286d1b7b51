/**
 * Memory while a model is loaded: its files are mapped, not read, so a process holds what it packs and little besides.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { libraryPath } from "../../support/native.ts";
import type { SafetensorsData } from "../../support/safetensors_writer.ts";
import { safetensorsBytes } from "../../support/safetensors_writer.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";
import { torchBytes } from "../../support/torch_writer.ts";

const WIDTH = 1024, MLP = 2816, LAYERS = 4;

/** The zeros of a Llama of about 100 MB in bfloat16. */
function tensors(): SafetensorsData[] {
  const zeros = (name: string, ...shape: readonly number[]): SafetensorsData => ({
    name,
    dtype: "BF16",
    shape,
    bytes: new Uint8Array(2 * shape.reduce((product, size) => product * size, 1)),
  });
  return [
    zeros("model.embed_tokens.weight", TINY_TOKENIZER.tokens.length, WIDTH),
    zeros("model.norm.weight", WIDTH),
    ...Array.from({ length: LAYERS }, (_, layer) => [
      ...["q", "k", "v", "o"].map((name) =>
        zeros(`model.layers.${layer}.self_attn.${name}_proj.weight`, WIDTH, WIDTH)
      ),
      ...["gate", "up"].map((name) => zeros(`model.layers.${layer}.mlp.${name}_proj.weight`, MLP, WIDTH)),
      zeros(`model.layers.${layer}.mlp.down_proj.weight`, WIDTH, MLP),
      ...["input", "post_attention"].map((name) =>
        zeros(`model.layers.${layer}.${name}_layernorm.weight`, WIDTH)
      ),
    ]).flat(),
  ];
}

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  "hidden_size": WIDTH,
  "intermediate_size": MLP,
  "num_hidden_layers": LAYERS,
  "num_attention_heads": 16,
  "vocab_size": TINY_TOKENIZER.tokens.length,
  "tie_word_embeddings": true,
};

async function writeModel(folder: string, kind: "safetensors" | "pt"): Promise<void> {
  const json = (name: string, value: unknown) =>
    Deno.writeTextFile(join(folder, name), JSON.stringify(value));
  await json("config.json", CONFIG);
  await json("tokenizer.json", TINY_TOKENIZER.json);
  await json("tokenizer_config.json", TINY_TOKENIZER.config);
  const [name, bytes] = kind === "pt"
    ? ["pytorch_model.bin", await torchBytes(tensors())] as const
    : ["model.safetensors", safetensorsBytes(tensors())] as const;
  await Deno.writeFile(join(folder, name), bytes);
}

/** Anonymous memory of a process, bytes. */
function rssAnon(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/^RssAnon:\s*(\d+) kB$/m.exec(status)![1]);
}

/** How far loading raises the anonymous memory of a process at most, and the bytes of its packed weights. */
async function watchLoading(folder: string): Promise<{ peak: number; weightBytes: number }> {
  const script = join(import.meta.dirname!, "..", "..", "support", "loading_process.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, folder],
    env: { AERIE_LIBRARY: libraryPath },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  try {
    assert.match((await lines.read()).value!, /ready/);
    const before = rssAnon(child.pid);
    let peak = 0, loaded: string | undefined;
    await writer.write(new Uint8Array(1));
    const answer = lines.read().then(({ value }) => loaded = value);
    while (loaded === undefined) {
      peak = Math.max(peak, rssAnon(child.pid) - before);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await answer;
    return { peak: Math.max(peak, rssAnon(child.pid) - before), ...JSON.parse(loaded) };
  } finally {
    await writer.close().catch(() => {});
    child.kill("SIGKILL");
    await lines.cancel();
    await child.status;
  }
}

for (const kind of ["safetensors", "pt"] as const) {
  Deno.test(`loading ${kind} takes the memory of the packed weights and of a tensor`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await writeModel(folder, kind);
      const { peak, weightBytes } = await watchLoading(folder);
      const largest = 2 * 2 * MLP * WIDTH;
      assert.ok(weightBytes > 90e6 && peak > 0.9 * weightBytes, `${peak} of ${weightBytes} bytes seen`);
      assert.ok(peak <= 1.2 * weightBytes + largest, `${peak} bytes for ${weightBytes} of weights`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
