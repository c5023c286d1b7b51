/**
 * The log-probabilities of a prompt's tokens in vLLM's form.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import { finite, textOf, type TokenBytes } from "./logprobs.ts";
import type { promptLogprobs } from "../schema/fields.ts";
import { inParts, type Slices } from "../answers/slices.ts";

type PromptLogprobs = z.infer<typeof promptLogprobs>;

/** By position: the token itself and the `numTop` most probable ones, by token id; null for the first. */
export async function toPromptLogprobs(
  entries: readonly TokenLogprob[],
  numTop: number,
  tokenBytes: TokenBytes,
  slices: Slices,
): Promise<PromptLogprobs> {
  const describe = (id: number, logprob: number, rank: number) => ({
    logprob: finite(logprob),
    rank,
    decoded_token: textOf(tokenBytes(id)),
  });
  const convert = ({ token, logprob, rank = 0, top }: TokenLogprob): PromptLogprobs[number] => {
    if (logprob === null) return null;
    const byToken: NonNullable<PromptLogprobs[number]> = { [token]: describe(token, logprob, rank) };
    top.slice(0, numTop).forEach(([id, value], i) => byToken[id] ??= describe(id, value, i + 1));
    return byToken;
  };
  return await inParts(entries, slices, (part) => part.map(convert));
}
