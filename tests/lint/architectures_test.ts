/**
 * An architecture is described in its descriptor alone: no other file names it, its GGUF form or its tensors.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ARCHITECTURES } from "../../runtime/architectures/registry.ts";
import { listFiles, readFile } from "./sources.ts";

const FOLDERS = ["cli", "ffi", "http", "kernels", "routes", "runtime"];
const DESCRIPTORS = "runtime/architectures/";

/** `tokenizer.ggml.model` and `tokenizer.ggml.pre` have names of their own, some of them equal to an architecture's. */
const VOCABULARIES = "runtime/tokenizer/";

/** A file that builds a network from modules reads like the checkpoint, and so names its tensors. */
const BUILDS_NETWORK = /from "((\.\.\/)+nn|\.)\/(layers|decoder|decoder_layer|residual_branch)\.ts"/;

/** A draft head has an output matrix of the same name as its target. */
const SHARED_WITH_HEADS = "lm_head.weight";

/** What a file says about some architecture although it is not a descriptor. */
function namesIn(path: string, text: string): string[] {
  if (path.startsWith(DESCRIPTORS)) return [];
  const quoted = (name: string) => text.includes(`"${name}"`);
  return ARCHITECTURES.flatMap(({ name, gguf, tensors }) => {
    const specs = [...tensors.input, ...tensors.layer, ...tensors.output];
    const modules = (names: readonly string[]) => names.map((name) => name.replace(/\.weight$|\.bias$/, ""));
    const own = specs.map(({ name }) => name).filter((name) => name !== SHARED_WITH_HEADS);
    const found = [name].filter((name) => text.includes(name));
    if (gguf !== undefined) {
      const names = specs.flatMap(({ name, ggufName = name }) => ggufName === name ? [] : [ggufName]);
      // A name of one word, such as `output`, means too many other things.
      const stems = modules(names).filter((name) => name.includes("_"));
      found.push(...names.filter((name) => text.includes(name)), ...stems.filter(quoted));
      if (!path.startsWith(VOCABULARIES) && quoted(gguf.architecture)) found.push(gguf.architecture);
    }
    if (!BUILDS_NETWORK.test(text)) {
      found.push(...own.filter((name) => text.includes(name)), ...modules(own).filter(quoted));
      if (text.includes(tensors.layerPrefix)) found.push(tensors.layerPrefix);
    }
    return found.map((name) => `${path} names ${name}`);
  });
}

Deno.test("architectures: only descriptors name an architecture, its GGUF form or its tensors", () => {
  const sources = FOLDERS.flatMap(listFiles).filter((path) => /\.(ts|h|cpp|cu|cuh)$/.test(path));
  assert.deepEqual(sources.flatMap((path) => namesIn(path, readFile(path))), []);
});

Deno.test("architectures: a name in another file is found", () => {
  const [path, network] = ["runtime/weights/checkpoint.ts", 'import { Linear } from "../nn/layers.ts";\n'];
  const found: readonly [path: string, text: string][] = [
    [path, "// Like LlamaForCausalLM."],
    [path, 'if (architecture === "llama") return;'],
    [path, 'const name = "token_embd.weight";'],
    [path, 'tensors.get("attn_q");'],
    [path, 'tensors.get("model.embed_tokens.weight");'],
    [path, 'new Map([["q", "self_attn.q_proj"]]);'],
    [path, "const name = `model.layers.${layer}.norm`;"],
    ["runtime/models/other.ts", `${network}if (architecture === "LlamaForCausalLM") return;`],
    ["runtime/models/other.ts", `${network}weights.at("blk").at("ffn_gate");`],
    ["kernels/cpu/rows.cpp", 'if (name == "output_norm.weight") return;'],
  ];
  for (const [path, text] of found) assert.notDeepEqual(namesIn(path, text), [], text);
  const fine: readonly [path: string, text: string][] = [
    ["runtime/architectures/llama.ts", 'name: "LlamaForCausalLM"'],
    ["runtime/tokenizer/gguf_tokenizer.ts", 'if (model !== "llama") return;'],
    ["runtime/models/other.ts", `${network}new RmsNorm(context, weights.at("input_layernorm"), eps);`],
    [path, 'const output = tensors.get("lm_head.weight");'],
  ];
  for (const [path, text] of fine) assert.deepEqual(namesIn(path, text), [], text);
});
