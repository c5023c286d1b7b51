/**
 * Requests come and go: submit, cancel, flush.
 *
 * @module
 */
import { InvalidRequestError, OverloadedError, toWireError } from "../errors.ts";
import type { FinishReason, Submit } from "../messages.ts";
import { releasePages } from "./pages.ts";
import { newSequence, type Sequence, usageOf } from "./sequence.ts";
import { newOutcome, type Outcome, type State } from "./state.ts";

/** How long a client that met a full queue should wait. */
const RETRY_AFTER_MS = 1000;

/** Queues a request, or says why not. */
export function submit(state: State, request: Submit): Outcome {
  const outcome = newOutcome();
  const { requestId } = request;
  try {
    state.waiting.push(admissible(state, request));
  } catch (error) {
    outcome.messages.push({ type: "failed", requestId, error: toWireError(error) });
  }
  return outcome;
}

/** The sequence of a request that can be served some time. */
function admissible(state: State, request: Submit): Sequence {
  const { config, waiting, running, cache } = state;
  const { requestId, promptTokens, sampling } = request;
  const numPrompt = promptTokens.length;
  if ([...waiting, ...running].some((sequence) => sequence.requestId === requestId)) {
    throw new InvalidRequestError(`Duplicate request ID: ${requestId}`, "rid");
  }
  if (numPrompt === 0) throw new InvalidRequestError("Cannot generate: the prompt is empty", "prompt");
  if (numPrompt >= config.contextLength) {
    throw new InvalidRequestError(
      `The input (${numPrompt} tokens) is longer than the model's context length (${config.contextLength} tokens)`,
      "prompt",
    );
  }
  const numPoolTokens = config.numPages * config.pageSize;
  if (numPrompt > numPoolTokens) {
    throw new InvalidRequestError(
      `The input (${numPrompt} tokens) is longer than the KV pool (${numPoolTokens} tokens)`,
      "prompt",
    );
  }
  if (waiting.length >= config.maxQueuedRequests) {
    throw new OverloadedError(`Cannot queue request: ${waiting.length} are waiting`, RETRY_AFTER_MS);
  }
  // The last token's keys and values are never needed.
  const numLeft = Math.min(config.contextLength - numPrompt, numPoolTokens - numPrompt + 1);
  return newSequence(request, Math.min(sampling.maxTokens, numLeft), cache.root);
}

/** Ends a request early: at once, or when its rows are back if they are being computed. */
export function cancel(state: State, requestId: string): Outcome {
  const outcome = newOutcome();
  const sequence = [...state.waiting, ...state.running].find((sequence) => sequence.requestId === requestId);
  if (!sequence) return outcome;
  if (state.inFlight?.sequences.includes(sequence)) {
    sequence.cancelled = true;
  } else {
    finish(state, sequence, { type: "abort", message: "Abort requested by the client" }, outcome);
  }
  return outcome;
}

/** Takes a sequence out of the scheduler and says so. */
export function finish(state: State, sequence: Sequence, reason: FinishReason, outcome: Outcome): void {
  for (const list of [state.waiting, state.running]) {
    const index = list.indexOf(sequence);
    if (index >= 0) list.splice(index, 1);
  }
  releasePages(state, sequence);
  if (sequence.started) outcome.released.push(sequence.requestId);
  outcome.messages.push({
    type: "finished",
    requestId: sequence.requestId,
    reason,
    usage: usageOf(sequence),
  });
}

/** Empties the cache if nothing runs or waits. */
export function flush(state: State): Outcome {
  const done = state.waiting.length === 0 && state.running.length === 0;
  if (done) { for (const page of state.cache.evict(state.cache.numPages)) state.allocator.free(page); }
  return { messages: [{ type: "flushed", done }], released: [] };
}
