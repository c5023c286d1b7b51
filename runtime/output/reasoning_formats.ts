/**
 * The forms of reasoning by name, and which of them a chat template knows.
 *
 * @module
 */
import type { ReasoningFormat } from "./reasoning.ts";

const think: ReasoningFormat = { begin: "<think>", end: "</think>", isCertain: false };
const certainThink: ReasoningFormat = { ...think, isCertain: true };
const kimi: ReasoningFormat = { begin: "◁think▷", end: "◁/think▷", isCertain: false };
const mistral: ReasoningFormat = { begin: "[THINK]", end: "[/THINK]", isCertain: false };

/** By SGLang's names. */
const BY_NAME: Readonly<Record<string, ReasoningFormat>> = {
  "deepseek-r1": certainThink,
  "deepseek-v3": think,
  qwen3: think,
  "qwen3-thinking": certainThink,
  glm45: think,
  kimi,
  "kimi_k2": think,
  mimo: think,
  interns1: think,
  minimax: certainThink,
  step3: certainThink,
  mistral,
};

/** Names that `--reasoning-parser` takes. */
export const reasoningFormatNames: readonly string[] = Object.keys(BY_NAME);

/** The form of reasoning by name; undefined if there is none of the name. */
export function reasoningFormatNamed(name: string): ReasoningFormat | undefined {
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
}

/** The form that a chat template knows; undefined if it knows none: then answers have no reasoning. */
export function reasoningFormatOf(template: string): ReasoningFormat | undefined {
  return [think, kimi, mistral].find(({ end }) => template.includes(end));
}
