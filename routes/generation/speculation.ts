/**
 * Speculation in requests and answers: whether drafts are made, counts, verification rounds.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { GenerationRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { TextRound } from "../../runtime/contracts/speculation_round.ts";
import { acceptLength, acceptRate, type SpeculationUsage } from "../../runtime/contracts/usage.ts";
import type { Slices } from "../answers/slices.ts";
import type { speculationFields } from "../schema/fields.ts";
import type { SpeculationRound } from "../schema/speculation_round.ts";
import { textOf, type TokenBytes } from "./logprobs.ts";

/** What requests say about speculation, on `/v1` and on `/generate`. */
export interface SpeculationRequest {
  readonly speculative?: boolean | undefined;
  readonly "stream_options"?: { readonly "include_speculation"?: boolean | undefined } | undefined;
  readonly "return_speculation"?: boolean | undefined;
}

/** The same for each generation of a request; nothing where it leaves all to the default. */
export function speculationOf(
  fields: SpeculationRequest,
): Pick<GenerationRequest, "speculative" | "reportsRounds"> {
  return {
    ...(fields.speculative === false && { speculative: false }),
    ...(wantsRounds(fields) && { reportsRounds: true }),
  };
}

function wantsRounds({ stream_options: options, return_speculation: isAsked }: SpeculationRequest): boolean {
  return (isAsked || options?.include_speculation) ?? false;
}

/** The field of an answer that shows rounds, made in slices; none if the request did not ask for it. */
export async function toRounds(
  fields: SpeculationRequest,
  rounds: readonly TextRound[],
  generator: Pick<Generator, "tokenBytes">,
  slices: Slices,
): Promise<{ speculation?: SpeculationRound[] }> {
  if (!wantsRounds(fields)) return {};
  const speculation: SpeculationRound[] = [];
  for (const round of rounds) {
    speculation.push(toRound(round, (token) => generator.tokenBytes(token)));
    await slices.yieldTurn();
  }
  return { speculation };
}

function toRound(
  { tokens, texts, tree, accepted, draftMs, verifyMs }: TextRound,
  tokenBytes: TokenBytes,
): SpeculationRound {
  const hasTree = tree.tokens.length > 0;
  const originOf = (i: number) => !hasTree ? "plain" : i < accepted.length ? "accepted" : "bonus";
  return {
    tokens: Array.from(tokens, (id, i) => ({ id, text: texts[i]!, origin: originOf(i) })),
    tree: hasTree
      ? {
        tokens: [...tree.tokens],
        texts: Array.from(tree.tokens, (token) => textOf(tokenBytes(token))),
        parents: [...tree.parents],
        probabilities: Array.from(tree.probabilities, (value) => Number(value.toPrecision(4))),
      }
      : null,
    accepted: [...accepted],
    draft_ms: toThreeDecimals(draftMs),
    verify_ms: toThreeDecimals(verifyMs),
  };
}

function toThreeDecimals(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

type Fields = {
  -readonly [Name in keyof typeof speculationFields]?: z.infer<(typeof speculationFields)[Name]>;
};

/** The counts of some generations together, under SGLang's names; nothing without speculation. */
export function toSpeculation(counts: readonly SpeculationUsage[]): Fields {
  if (counts.length === 0) return {};
  const sum = (count: (usage: SpeculationUsage) => number) =>
    counts.reduce((all, usage) => all + count(usage), 0);
  const total = {
    numVerifications: sum((usage) => usage.numVerifications),
    numProposed: sum((usage) => usage.numProposed),
    numAccepted: sum((usage) => usage.numAccepted),
  };
  const depth = Math.max(...counts.map(({ acceptedHistogram }) => acceptedHistogram.length));
  return {
    "spec_verify_ct": total.numVerifications,
    "spec_accept_length": acceptLength(total),
    "spec_accept_rate": acceptRate(total),
    "spec_num_correct_drafts": total.numAccepted,
    "spec_num_proposed_drafts": total.numProposed,
    "spec_correct_drafts_histogram": Array.from(
      { length: depth },
      (_, n) => sum(({ acceptedHistogram }) => acceptedHistogram[n] ?? 0),
    ),
  };
}
