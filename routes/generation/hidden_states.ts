/**
 * Hidden states of generations: how many may be asked for, and their form in answers.
 *
 * @module
 */
import type { GenerationRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { HiddenStates } from "../../runtime/contracts/hidden_states.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { toNumbers } from "../answers/numbers.ts";
import type { Slices } from "../answers/slices.ts";
import type { Output } from "./run.ts";

/** Numbers in the hidden states of one HTTP request at most: they take twelve bytes each as text. */
const MAX_NUMBERS = 2 ** 23;

/** What a request asks for, by its field. */
export function hiddenStatesOf(asked: boolean | "last" = false): { readonly hiddenStates?: HiddenStates } {
  return asked === false ? {} : { hiddenStates: asked === "last" ? "last" : "full" };
}

/** Refuses requests whose hidden states would be too many to hold. */
export function checkHiddenStates(
  requests: readonly GenerationRequest[],
  { model: { embedding: { size } } }: Generator,
): void {
  const numStates = requests.reduce((sum, { hiddenStates, promptTokens, sampling }) => {
    if (hiddenStates === undefined) return sum;
    return sum + (hiddenStates === "last" ? 1 : promptTokens.length + sampling.maxTokens);
  }, 0);
  const most = Math.floor(MAX_NUMBERS / size);
  if (numStates <= most) return;
  throwInvalidField(
    "return_hidden_states",
    `${numStates} tokens in prompts and output, at most ${most} hidden states are returned`,
  );
}

/** SGLang's `hidden_states`: a list per token, before the first one a list of those of the prompt's tokens. */
export async function toHiddenStates(
  { hiddenStates: asked, promptTokens }: GenerationRequest,
  { hiddenStates }: Output,
  slices: Slices,
): Promise<{ hidden_states?: number[] | (number[] | number[][])[] }> {
  const [first, ...others] = hiddenStates;
  if (asked === undefined || first === undefined) return {};
  if (asked === "last") return { hidden_states: toNumbers(hiddenStates.at(-1)!) };
  const width = first.length / promptTokens.length, prompt: number[][] = [], output: number[][] = [];
  for (let at = 0; at < first.length; at += width) {
    prompt.push(toNumbers(first.subarray(at, at + width)));
    await slices.yieldTurn();
  }
  for (const state of others) {
    output.push(toNumbers(state));
    await slices.yieldTurn();
  }
  return { hidden_states: [prompt, ...output] };
}
