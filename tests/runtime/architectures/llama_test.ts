/**
 * Llama's tensors, written out from published checkpoints: names in safetensors and GGUF files, shapes, order of rows.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LLAMA } from "../../../runtime/architectures/llama.ts";
import { fromGguf, modelTensors, outputMatrix } from "../../../runtime/architectures/model_tensors.ts";

/** A config.json of two layers with heads that are not `hidden_size` wide together. */
const FIELDS = {
  architectures: ["LlamaForCausalLM"],
  "hidden_size": 64,
  "intermediate_size": 176,
  "num_hidden_layers": 2,
  "num_attention_heads": 6,
  "num_key_value_heads": 2,
  "head_dim": 16,
  "vocab_size": 320,
};

const LAYER: readonly (readonly [name: string, ggufName: string, shape: readonly number[]])[] = [
  ["input_layernorm.weight", "attn_norm.weight", [64]],
  ["self_attn.q_proj.weight", "attn_q.weight", [96, 64]],
  ["self_attn.k_proj.weight", "attn_k.weight", [32, 64]],
  ["self_attn.v_proj.weight", "attn_v.weight", [32, 64]],
  ["self_attn.o_proj.weight", "attn_output.weight", [64, 96]],
  ["post_attention_layernorm.weight", "ffn_norm.weight", [64]],
  ["mlp.gate_proj.weight", "ffn_gate.weight", [176, 64]],
  ["mlp.up_proj.weight", "ffn_up.weight", [176, 64]],
  ["mlp.down_proj.weight", "ffn_down.weight", [64, 176]],
];

const TENSORS = [
  ["model.embed_tokens.weight", "token_embd.weight", [320, 64]],
  ...[0, 1].flatMap((layer) =>
    LAYER.map(([name, ggufName, shape]) =>
      [`model.layers.${layer}.${name}`, `blk.${layer}.${ggufName}`, shape] as const
    )
  ),
  ["model.norm.weight", "output_norm.weight", [64]],
  ["lm_head.weight", "output.weight", [320, 64]],
] as const;

Deno.test("Llama: tensors have the names and shapes of its checkpoints", () => {
  const config = LLAMA.readConfig("config.json", FIELDS);
  const required = (tied: boolean) =>
    [...modelTensors(LLAMA, { ...config, tieWordEmbeddings: tied })].filter(({ isRequired }) => isRequired)
      .map(({ name, shape }) => [name, shape]);
  assert.deepEqual(required(false), TENSORS.map(([name, , shape]) => [name, shape]));
  assert.deepEqual(required(true), TENSORS.slice(0, -1).map(([name, , shape]) => [name, shape]));
  assert.deepEqual([...modelTensors(LLAMA, config)].filter(({ isRequired }) => !isRequired), []);
  assert.equal(outputMatrix(LLAMA, config), "lm_head.weight");
  assert.equal(outputMatrix(LLAMA, { ...config, tieWordEmbeddings: true }), "model.embed_tokens.weight");
});

Deno.test("Llama: GGUF's names lead to the same tensors, queries and keys interleaved", () => {
  for (const [name, ggufName] of TENSORS) {
    const rowOrder = /[qk]_proj/.test(name) ? "interleaved" : "plain";
    assert.deepEqual(fromGguf(LLAMA, ggufName), { name, rowOrder });
  }
  for (const stranger of ["blk.0.attn_q_norm.weight", "output", "blk.x.attn_q.weight"]) {
    assert.equal(fromGguf(LLAMA, stranger), undefined, stranger);
  }
});
