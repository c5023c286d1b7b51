/**
 * The forms of calls by name, and which of them a chat template asks for.
 *
 * @module
 */
import { showsTools } from "../contracts/chat.ts";
import type { CallFormat } from "./call_format.ts";
import { deepseekV3 } from "./deepseek_v3_calls.ts";
import { hermes } from "./hermes_calls.ts";
import { json } from "./json_calls.ts";
import { llama3 } from "./llama3_calls.ts";
import { mistralList, mistralNamed } from "./mistral_calls.ts";

/** By the names of `--tool-call-parser`, which are SGLang's but for `json`; `mistral` is one of two by its template. */
const BY_NAME: Readonly<Record<string, CallFormat>> = {
  hermes,
  qwen: hermes,
  qwen25: hermes,
  llama3,
  mistral: mistralList,
  deepseekv3: deepseekV3,
  json,
};

/** Names that `--tool-call-parser` takes. */
export const callFormatNames: readonly string[] = Object.keys(BY_NAME);

/** What templates of forms write that are not served: Qwen3-Coder, GLM-4.5, Kimi K2, gpt-oss, DeepSeek-V3.1. */
const UNKNOWN = /<function=|<arg_key>|tool_calls_section_begin|<\|channel\|>/;

/**
 * The form of calls by name. Undefined if there is none of the name.
 *
 * @param template the model's chat template, which tells apart forms of one name
 */
export function callFormatNamed(name: string, template = ""): CallFormat | undefined {
  return Object.hasOwn(BY_NAME, name) ? variantOf(BY_NAME[name]!, template) : undefined;
}

/** The form that a chat template asks for; undefined if it is none that is known. */
export function callFormatOf(template: string): CallFormat | undefined {
  // Tools are then described to the model in this form.
  if (!showsTools(template)) return hermes;
  if (UNKNOWN.test(template)) return undefined;
  if (template.includes("<tool_call>") && /"name\\?"/.test(template)) return hermes;
  if (template.includes("[TOOL_CALLS]")) return variantOf(mistralList, template);
  if (template.includes("tool▁calls▁begin") && template.includes("```json")) return deepseekV3;
  if (/"parameters\\?": ?/.test(template) && /<\|start_header_id\|>/.test(template)) return llama3;
  return undefined;
}

function variantOf(format: CallFormat, template: string): CallFormat {
  return format === mistralList && template.includes("[ARGS]") ? mistralNamed : format;
}
