/**
 * Readers of tensor files know neither models nor tokenizers: of the contracts they see errors and storage formats.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname!, "..", "..", "runtime", "tensor_files");
const CONTRACTS: ReadonlySet<string> = new Set(["../contracts/errors.ts", "../contracts/storage_format.ts"]);

/** What a text imports from other folders. */
function importsFromOutside(text: string): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.\.\/[^"]+)"/g)].map(([, specifier]) => specifier!);
}

Deno.test("tensor files: readers import nothing of models and tokenizers", () => {
  const strays = [...Deno.readDirSync(FOLDER)].flatMap(({ name }) =>
    importsFromOutside(Deno.readTextFileSync(join(FOLDER, name)))
      .filter((specifier) => !CONTRACTS.has(specifier)).map((specifier) => `${name} imports ${specifier}`)
  );
  assert.deepEqual(strays, []);
});

Deno.test("tensor files: an import from elsewhere is found", () => {
  const text = 'import type { ModelConfig } from "../contracts/config.ts";\nimport { x } from "./zip.ts";\n';
  assert.deepEqual(importsFromOutside(text), ["../contracts/config.ts"]);
});
