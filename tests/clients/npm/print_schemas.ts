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
  responses: "responses/responses.js",
  shared: "shared.js",
};

/** Of responses only what a server without tools of its own sends: the whole unions have types that no schema says. */
const DECLARATIONS = `
export type Chat = chat.ChatCompletion;
export type ChatChunk = chat.ChatCompletionChunk;
export type Text = completions.Completion;
export type Embeddings = embeddings.CreateEmbeddingResponse;
export type ListedModel = models.Model;
export type ModelList = { object: "list"; data: models.Model[] };
export type Item = responses.ResponseOutputMessage | responses.ResponseFunctionToolCall
  | responses.ResponseReasoningItem;
export type OneResponse =
  Omit<responses.Response, "output" | "output_text" | "tools" | "tool_choice" | "prompt" | "instructions">
  & { output: Item[]; tools: responses.FunctionTool[]; instructions: string | null };
export type ResponseEvent =
  | responses.ResponseContentPartAddedEvent | responses.ResponseContentPartDoneEvent | responses.ResponseErrorEvent
  | responses.ResponseFunctionCallArgumentsDeltaEvent | responses.ResponseFunctionCallArgumentsDoneEvent
  | responses.ResponseReasoningTextDeltaEvent | responses.ResponseReasoningTextDoneEvent
  | responses.ResponseTextDeltaEvent | responses.ResponseTextDoneEvent
  | { type: "response.output_item.added" | "response.output_item.done"; item: Item; output_index: number;
    sequence_number: number }
  | { type: "response.created" | "response.in_progress" | "response.completed" | "response.incomplete"
    | "response.failed"; response: OneResponse; sequence_number: number };
export type ItemList = { object: "list"; data: { id: string; type: string }[]; first_id: string | null;
  last_id: string | null; has_more: boolean };
export type DeletedResponse = { id: string; object: "response"; deleted: true };
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
