/**
 * The choice among copies: of `best_of` continuations of a prompt the `n` best are answered.
 *
 * @module
 */
import { throwInvalidField } from "../answers/errors.ts";
import type { Output } from "../generation/run.ts";

/** How many copies of a prompt are generated, and how many of them are answered. */
export interface Copies {
  readonly numGenerated: number;
  readonly numAnswered: number;
}

/**
 * The copies that a request asks for.
 *
 * @throws {InvalidRequestError} if fewer would be generated than answered, or are to be streamed before the best are known
 */
export function copiesAsked(
  { n = 1, best_of: bestOf = n, stream }: {
    readonly n?: number | undefined;
    readonly "best_of"?: number | undefined;
    readonly stream?: boolean | undefined;
  },
): Copies {
  if (bestOf < n) throwInvalidField("best_of", `it is less than n, which is ${n}`);
  if (bestOf > n && stream) throwInvalidField("best_of", "not allowed with stream if it is more than n");
  return { numGenerated: bestOf, numAnswered: n };
}

/** Indices of the outputs to be answered, prompt by prompt; of each the best first, unless all of them are. */
export function chosenOutputs(
  outputs: readonly Pick<Output, "logprobs">[],
  { numGenerated, numAnswered }: Copies,
): number[] {
  const indices = [...outputs.keys()];
  if (numGenerated === numAnswered) return indices;
  const scores = outputs.map(meanLogprob);
  const prompts = Array.from(
    { length: outputs.length / numGenerated },
    (_, prompt) => indices.slice(prompt * numGenerated, (prompt + 1) * numGenerated),
  );
  return prompts.flatMap((copies) =>
    copies.toSorted((a, b) => scores[b]! - scores[a]! || a - b).slice(0, numAnswered)
  );
}

/** The log-probability per token, by which OpenAI chooses. */
function meanLogprob({ logprobs }: Pick<Output, "logprobs">): number {
  const sum = logprobs.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0);
  return logprobs.length === 0 ? -Infinity : sum / logprobs.length;
}
