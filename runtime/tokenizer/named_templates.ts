/**
 * Chat templates that `--chat-template` knows by name, SGLang's names. Each is a file in `chat_templates/`.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** A template and what it is for. */
export interface NamedTemplate {
  /** Jinja text. */
  readonly text: string;
  /** What ends a turn; undefined if that is the model's own end token. */
  readonly turnEnd: string | undefined;
}

/** By name: the file, and what ends a turn. */
const TEMPLATES: ReadonlyMap<string, readonly [file: string, turnEnd?: string]> = new Map([
  ["c4ai-command-r", ["c4ai-command-r", "<|END_OF_TURN_TOKEN|>"]],
  ["chatml", ["chatml", "<|im_end|>"]],
  ["deepseek-v3", ["deepseek-v3", "<｜end▁of▁sentence｜>"]],
  ["gemma-it", ["gemma-it", "<end_of_turn>"]],
  ["llama-2", ["llama-2"]],
  ["llama-2-chat", ["llama-2"]],
  ["llama-3-instruct", ["llama-3-instruct", "<|eot_id|>"]],
  ["llama-4", ["llama-4", "<|eot|>"]],
  ["mistral", ["mistral"]],
  ["qwen", ["qwen", "<|im_end|>"]],
  ["vicuna_v1.1", ["vicuna_v1.1"]],
  ["yi-1.5", ["yi-1.5", "<|im_end|>"]],
]);

/** All names. */
export const templateNames: readonly string[] = [...TEMPLATES.keys()];

/** The template of a name; undefined if there is none. */
export function namedTemplate(name: string): NamedTemplate | undefined {
  const found = TEMPLATES.get(name);
  if (found === undefined) return undefined;
  const [file, turnEnd] = found;
  return { text: readFileSync(new URL(`chat_templates/${file}.jinja`, import.meta.url), "utf8"), turnEnd };
}
