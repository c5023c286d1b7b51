/**
 * Models of `tests/cases/` that once came out wrong or did not start, by the whole server.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ServerProcess } from "./support/server_process.ts";

const CASES = join(import.meta.dirname!, "cases");

/** What transformers 5.24 generates with positions divided by four. */
const SLOWED = [65, 269, 245, 389, 365, 371, 91, 311, 137, 114, 359, 287];

const MODELS: readonly (readonly [path: string, tokens: readonly number[]])[] = [
  ["rope_parameters_and_rope_scaling", SLOWED],
  ["gguf/rope_factor_without_type.gguf", SLOWED],
  ["gguf/rope_scale_linear.gguf", SLOWED],
];

for (const [path, expected] of MODELS) {
  Deno.test(`case ${path}: the reference's tokens`, async () => {
    const flags = ["--model-path", join(CASES, path), "--dtype", "float32", "--kv-cache-dtype", "float32"];
    await using server = await ServerProcess.start([...flags, "--skip-server-warmup"]);
    const response = await fetch(`${server.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        "input_ids": Array.from({ length: 30 }, (_, i) => 10 + i),
        "sampling_params": { temperature: 0, "max_new_tokens": 12, "ignore_eos": true },
      }),
    });
    const answer = await response.json();
    assert.deepEqual(answer["output_ids"], expected, JSON.stringify(answer));
  });
}

Deno.test("case gguf/special_id_out_of_range.gguf: a padding id that nobody reads stops nothing", async () => {
  const path = join(CASES, "gguf", "special_id_out_of_range.gguf");
  await using server = await ServerProcess.start(["--model-path", path, "--skip-server-warmup"]);
  const response = await fetch(`${server.url}/health`);
  await response.body?.cancel();
  assert.equal(response.status, 200);
});
