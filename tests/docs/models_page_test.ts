/**
 * docs/models.md and `--list-models` say what the descriptors and the table of formats do, and sizes of known models are
 * those that are published.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ARCHITECTURES } from "../../runtime/architectures/registry.ts";
import { KNOWN_MODELS } from "../../runtime/architectures/known_models.ts";
import { modelList } from "../../runtime/engine/model_list.ts";
import { MODELS_PAGE, modelsPage, parametersOf } from "../support/models_page.ts";

/** Parameters in millions, as the hub shows them of the safetensors files; MiMo's without its MTP layer, Gemma's without its vision tower. */
const PUBLISHED: Readonly<Record<string, number>> = {
  "HuggingFaceTB/SmolLM2-135M-Instruct": 134.5,
  "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1100,
  "meta-llama/Llama-3.2-1B-Instruct": 1236,
  "HuggingFaceTB/SmolLM2-1.7B-Instruct": 1711,
  "meta-llama/Llama-2-7b-chat-hf": 6738,
  "meta-llama/Llama-3.1-8B-Instruct": 8030,
  "mistralai/Mistral-7B-Instruct-v0.3": 7248,
  "Qwen/Qwen2.5-0.5B-Instruct": 494,
  "Qwen/Qwen2.5-7B-Instruct": 7616,
  "Qwen/Qwen3-0.6B": 596,
  "Qwen/Qwen3-4B": 4022,
  "Qwen/Qwen3-8B": 8191,
  "Qwen/Qwen3-30B-A3B": 30532,
  "mistralai/Mixtral-8x7B-Instruct-v0.1": 46703,
  "google/gemma-2-2b-it": 2614,
  "google/gemma-2-9b-it": 9242,
  "google/gemma-3-1b-it": 1000,
  "google/gemma-3-4b-it": 3880,
  "microsoft/Phi-3-mini-4k-instruct": 3821,
  "HuggingFaceTB/SmolLM3-3B": 3075,
  "ibm-granite/granite-3.3-2b-instruct": 2534,
  "ibm-granite/granite-3.3-8b-instruct": 8171,
  "allenai/OLMo-2-0425-1B-Instruct": 1485,
  "allenai/OLMo-2-1124-7B-Instruct": 7299,
  "XiaomiMiMo/MiMo-7B-RL": 7623,
};

const names = ARCHITECTURES.map(({ name }) => name);

Deno.test("docs/models.md has every architecture and format, and what known models take", () => {
  const words = (text: string) => text.split(/[\s|]+/).filter((word) => !/^-*$/.test(word));
  assert.deepEqual(
    words(Deno.readTextFileSync(MODELS_PAGE)),
    words(modelsPage()),
    "deno run -A tests/support/models_page.ts && deno fmt docs/ writes it anew",
  );
});

Deno.test("--list-models has a row for every architecture, with a model", () => {
  const lines = modelList().split("\n");
  for (const name of names) assert.match(lines.find((line) => line.startsWith(`${name} `))!, / \S+\/\S+$/);
  assert.match(lines.find((line) => line.startsWith("GGUF "))!, /F16 .*Q4_K/);
});

Deno.test("known models have the parameters that the hub counts", () => {
  for (const model of KNOWN_MODELS.filter(({ architecture }) => names.includes(architecture))) {
    const millions = parametersOf(model) / 1e6, published = PUBLISHED[model.id]!;
    assert.ok(Math.abs(millions / published - 1) < 0.005, `${model.id}: ${millions}, published ${published}`);
  }
});
