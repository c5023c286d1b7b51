/**
 * How two runs compare in time, and the words for it.
 *
 * @module
 */
import { type Answer, isGoing } from "../api/answer.ts";

/** Times of a run, in milliseconds. */
export interface RunTimes {
  /** From the request to the first text. */
  readonly firstMs: number;
  /** From the request to the last text. */
  readonly wholeMs: number;
  /** From the first text to the last one. */
  readonly decodeMs: number;
}

/** How many times as fast the speculative run was as the plain one; above 1 it was faster. */
export interface SpeedUp {
  /** After the first token; undefined for answers that came at once. */
  readonly decode: number | undefined;
  readonly whole: number;
}

/** Times of an answer; undefined before its first text. */
export function timesOf({ sentAt, firstAt, lastAt }: Answer): RunTimes | undefined {
  if (firstAt === undefined || lastAt === undefined) return undefined;
  return { firstMs: firstAt - sentAt, wholeMs: lastAt - sentAt, decodeMs: lastAt - firstAt };
}

/** Milliseconds on an answer's clock: running until the answer is there. */
export function clockMs(answer: Answer, now: number): number {
  const { sentAt, lastAt } = answer;
  if (isGoing(answer)) return Math.max(0, now - sentAt);
  return (lastAt ?? sentAt) - sentAt;
}

/** The speed-up of two whole answers; undefined if one is not whole. */
export function speedUpOf(speculative: Answer, plain: Answer): SpeedUp | undefined {
  const fast = timesOf(speculative), slow = timesOf(plain);
  if (speculative.state !== "ended" || plain.state !== "ended" || !fast || !slow) return undefined;
  if (fast.wholeMs <= 0) return undefined;
  return {
    decode: fast.decodeMs > 0 && slow.decodeMs > 0 ? slow.decodeMs / fast.decodeMs : undefined,
    whole: slow.wholeMs / fast.wholeMs,
  };
}

/** A ratio as it is shown, e.g. `1.25×`. */
export function showRatio(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** What a ratio means, by its shown digits, so that words and figure agree. */
export function wordOf(ratio: number): "faster" | "slower" | "as fast" {
  const shown = Number(ratio.toFixed(2));
  return shown > 1 ? "faster" : shown < 1 ? "slower" : "as fast";
}

/** A speed-up in a sentence. */
export function describeSpeedUp({ decode, whole }: SpeedUp): string {
  const part = (ratio: number, where: string) => `${showRatio(ratio)} the speed ${where} (${wordOf(ratio)})`;
  const all = part(whole, "for the whole answer");
  return `With speculation: ${
    decode === undefined ? "" : `${part(decode, "after the first token")}, `
  }${all}.`;
}

/** Milliseconds as seconds, e.g. `1.25 s`. */
export function showSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
