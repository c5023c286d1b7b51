/**
 * Prints JSON schemas of the bodies that OpenAI's API answers with, made from the declarations of the `openai` package.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// Deno resolves into a package only if something imports it.
import "openai";
import { createGenerator } from "ts-json-schema-generator";

const RESOURCES = {
  chat: "chat/completions/completions.js",
  completions: "completions.js",
  embeddings: "embeddings.js",
  models: "models.js",
  shared: "shared.js",
};

const DECLARATIONS = `
export type Chat = chat.ChatCompletion;
export type ChatChunk = chat.ChatCompletionChunk;
export type Text = completions.Completion;
export type Embeddings = embeddings.CreateEmbeddingResponse;
export type ListedModel = models.Model;
export type ModelList = { object: "list"; data: models.Model[] };
export type Failure = { error: shared.ErrorObject };
`;

const imports = Object.entries(RESOURCES).map(([name, path]) => {
  const file = fileURLToPath(import.meta.resolve(`openai/resources/${path}`)).replace(/\.m?js$/, ".d.ts");
  return `import type * as ${name} from ${JSON.stringify(file)};\n`;
});
const folder = await Deno.makeTempDir();
try {
  const path = join(folder, "bodies.ts");
  await Deno.writeTextFile(path, imports.join("") + DECLARATIONS);
  const generator = createGenerator({ path, skipTypeCheck: true, additionalProperties: true });
  console.log(JSON.stringify(generator.createSchema("*")));
} finally {
  await Deno.remove(folder, { recursive: true });
}
