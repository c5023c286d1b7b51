/**
 * Times of a round beside those of a plain step, and the words for both.
 *
 * @module
 */
import type { SpeculationRound } from "../api/answer.ts";
import { median } from "../api/median.ts";
import { countOf } from "../ui/count.ts";

/** The time of a plain step and where it is known from. */
export interface PlainStep {
  /** Milliseconds. */
  readonly ms: number;
  /** `answer`: the median of this answer's own plain rounds. `server`: what the server measured. */
  readonly source: "answer" | "server";
}

/** What a round took and yielded. */
export interface RoundTimes {
  /** Milliseconds. */
  readonly totalMs: number;
  readonly numTokens: number;
  readonly msPerToken: number;
  /** Times as fast as a plain step, by the time of a token. */
  readonly ratio?: number;
}

/**
 * The time of a plain step: the median over the answer's plain rounds, else what the server measured, if anything. The
 * first round is left out: it read the prompt.
 */
export function plainStepOf(
  rounds: readonly SpeculationRound[],
  serverMs: number | undefined,
): PlainStep | undefined {
  const ms = median(rounds.slice(1).filter(isPlain).map(({ verify_ms }) => verify_ms));
  if (ms !== undefined) return { ms, source: "answer" };
  return serverMs === undefined ? undefined : { ms: serverMs, source: "server" };
}

/** Times of a round. */
export function timesOf(
  { tokens, draft_ms: draftMs, verify_ms: verifyMs }: SpeculationRound,
  plain: PlainStep | undefined,
): RoundTimes {
  const totalMs = draftMs + verifyMs, numTokens = tokens.length, msPerToken = totalMs / numTokens;
  const times = { totalMs, numTokens, msPerToken };
  return plain === undefined || msPerToken <= 0 ? times : { ...times, ratio: plain.ms / msPerToken };
}

/** Whether a round had no drafts. */
export function isPlain({ tree }: SpeculationRound): boolean {
  return tree === null || tree.tokens.length === 0;
}

/** A probability in percent, two digits where they say something. */
export function formatProbability(probability: number): string {
  const percent = 100 * probability;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  return `${percent >= 10 || percent === 0 ? Math.round(percent) : Number(percent.toFixed(1))} %`;
}

/** A time, three digits. */
export function formatMs(ms: number): string {
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3))} ms`;
}

/** What a token is, for its description: "accepted draft, round 3, 2 of 7 drafts accepted". */
export function describeToken(origin: string, round: SpeculationRound, index: number): string {
  const name = { accepted: "accepted draft", bonus: "bonus token", plain: "plain token" }[origin] ?? origin;
  const number = `round ${index + 1}`;
  if (isPlain(round)) return `${name}, ${number}, nothing drafted`;
  return `${name}, ${number}, ${round.accepted.length} of ${
    countOf(round.tree!.tokens.length, "draft")
  } accepted`;
}
