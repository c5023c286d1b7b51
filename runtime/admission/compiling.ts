/**
 * The compiling queue: requests whose constraint the matcher gets ready. They count where requests that wait are limited, but
 * are in nobody's way: only when they are compiled do they enter the queue for admission, at the place of their arrival.
 *
 * @module
 */
import type { Sequence } from "../sequences/sequence.ts";
import type { AdmissionState } from "./state.ts";

/** Puts a new sequence where it waits: to be compiled if it has a constraint, else to be admitted. */
export function enqueue({ sequences, compiling, waiting }: AdmissionState, sequence: Sequence): void {
  sequences.set(sequence.requestId, sequence);
  (sequence.constraint === undefined ? waiting : compiling).add(sequence);
}

/** The sequence of a request that is being compiled; undefined if it has ended meanwhile. */
export function compilingSequence(
  { sequences, compiling }: AdmissionState,
  requestId: string,
): Sequence | undefined {
  const sequence = sequences.get(requestId);
  return sequence && compiling.has(sequence) ? sequence : undefined;
}

/** Puts a sequence whose constraint is compiled into the queue for admission. */
export function enqueueCompiled({ compiling, waiting }: AdmissionState, sequence: Sequence): void {
  if (compiling.delete(sequence)) waiting.add(sequence);
}

/** Limited quantities of those that wait, to be compiled or to be admitted, all of them and those of one client. */
export function backlogOf(
  { compiling, waiting }: AdmissionState,
  client: string,
): { readonly size: number; readonly numTokens: number; readonly numOwn: number } {
  return {
    size: compiling.size + waiting.size,
    numTokens: compiling.numTokens + waiting.numTokens,
    numOwn: compiling.numOf(client) + waiting.numOf(client),
  };
}
