/**
 * GGUF files of every architecture, written by the package `gguf`: they are the models that the safetensors folders are,
 * and generate what llama.cpp generates.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { GGUF_CASES, type GgufModels, writeGgufModels } from "../../support/gguf_models.ts";
import { ModelRunner, verifierConfig } from "../../support/models.ts";
import { ALL_ISAS, hasIsa } from "../../support/native.ts";
import { NUM_GREEDY, PROMPT } from "../../support/reference_models.ts";
import { llamaCppGreedy, needsLlamaCpp, needsReferences } from "../../support/references.ts";

const needs = await needsReferences("torch", "transformers", "gguf");
const PAGES = Int32Array.of(5, 2, 9, 1, 7, 3), best = ALL_ISAS.filter(hasIsa).at(-1)!;

let written: Promise<GgufModels> | undefined;
const models = () => written ??= writeGgufModels();
Deno.test.afterAll(async () => await (await written)?.[Symbol.asyncDispose]());

/** Logits of the prompt's last token, and of each of these tokens behind it. */
async function logitsOf(
  path: string,
  contextLength: number,
  tokens: readonly number[],
): Promise<Float32Array[]> {
  const { checkpoint } = await openCheckpoint(await resolveModel(path));
  using runner = new ModelRunner(verifierConfig(checkpoint, { contextLength, dtype: "float32" }), best);
  const rows = [...PROMPT, ...tokens];
  const segment = { tokens: Int32Array.from(rows), start: 0, pages: PAGES };
  return runner.forward([segment]).slice(PROMPT.length - 1).map((row) => Float32Array.from(row));
}

for (const [name, { contextLength = 512 }] of Object.entries(GGUF_CASES)) {
  Deno.test({
    name: `${name}: GGUF in F32 gives the logits of the safetensors folder`,
    ...needs,
    async fn() {
      const { path, greedy } = await models(), tokens = greedy[name]!.slice(0, 8);
      const [folder, file] = await Promise.all(
        [path(name), path(name, "F32")].map((path) => logitsOf(path, contextLength, tokens)),
      );
      const difference = distance(file!, folder!);
      assert.ok(difference < 1e-4, `a logit differs by ${difference}`);
    },
  });
}

/** The largest difference of a logit. */
function distance(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  const differences = some.map((row, i) => row.map((logit, token) => Math.abs(logit - others[i]![token]!)));
  return Math.max(...differences.map((row) => Math.max(...row)));
}

Deno.test({
  name: "llama.cpp generates the same tokens, of quantised files those that are as good",
  ignore: needs.ignore || needsLlamaCpp().ignore,
  async fn() {
    const { path } = await models();
    const files = Object.entries(GGUF_CASES).flatMap(([name, { types, contextLength = 512 }]) =>
      types.map((type) => [`${name}, ${type}`, name, type, contextLength] as const)
    );
    const asked = Object.fromEntries(
      files.map(([id, name, type, contextSize]) => [id, { path: path(name, type), contextSize }]),
    );
    const generated = await llamaCppGreedy(asked, [...PROMPT], NUM_GREEDY);
    for (const [id, name, type, contextLength] of files) {
      const tokens = generated[id]!;
      const logits = await logitsOf(path(name, type), contextLength, tokens);
      const error = type === "F32"
        ? 0
        : distance(logits, await logitsOf(path(name, "F32"), contextLength, tokens));
      assert.equal(tokens.length, NUM_GREEDY, id);
      // Both round activations of quantised products, each in its own way: what is best for one is nearly so for the other.
      tokens.forEach((token, i) => {
        const lead = Math.max(...logits[i]!) - logits[i]![token]!;
        assert.ok(
          lead <= error,
          `${id}: token ${i} is ${token}, whose logit is ${lead} below the best, bound ${error}`,
        );
      });
    }
  },
});
