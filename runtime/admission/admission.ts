/**
 * Admission control: which requests enter the queue, and which of them enter the batch.
 *
 * @module
 */
import { InvalidRequestError, OverloadedError, toWireError } from "../contracts/errors.ts";
import type { Failed, Submit } from "../messages/engine_scheduler.ts";
import { chooseNext, leaveQueue } from "./admission_order.ts";
import { joinCopies, observeAdmittedCopy } from "./copies.ts";
import { backlogOf, enqueue } from "./compiling.ts";
import { promiseRoom } from "./departures.ts";
import {
  attachPrefix,
  growPages,
  numAvailablePages,
  numMissingPages,
  poolTokens,
  releasePages,
} from "../sequences/pages.ts";
import { wantedStates } from "../sequences/hidden_states.ts";
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import type { AdmissionState } from "./state.ts";

/** Tokens still to come that count for the reserve, per sequence. */
const MAX_RESERVED_TOKENS = 4096;

/** Puts a request that came at `now`, milliseconds, into the queue; returns why it cannot. */
export function submit(state: AdmissionState, message: Submit, now = 0): Failed | undefined {
  const { requestId, promptTokens, sampling, client = "", cacheKey = "" } = message;
  const { constraint, speculative = true, reportsRounds = false } = message;
  const error = refusal(state, message);
  if (error !== undefined) return { type: "failed", requestId, error: toWireError(error) };
  const { promptLogprobStart } = sampling;
  const tokens = Array.from(promptTokens);
  const sequence: Sequence = {
    requestId,
    sampling,
    client,
    cacheKey,
    copies: joinCopies(state, message.batch),
    constraint,
    numPromptTokens: tokens.length,
    // The last token needs no slot: its KV is never read.
    maxTokens: Math.min(
      sampling.maxTokens,
      state.config.contextLength - tokens.length,
      poolTokens(state.config) - tokens.length + 1,
    ),
    isSpeculative: speculative,
    reportsRounds,
    submittedAt: now,
    queueMs: undefined,
    tokens,
    numComputed: 0,
    numPrefill: 0,
    numDrafted: 0,
    numDraftKv: 0,
    pages: [],
    prefix: state.cache.root,
    numCached: undefined,
    numAttached: 0,
    numPreemptions: 0,
    // Nothing predicts the first token, so the first logprob to compute is the second token's.
    nextPromptLogprob: promptLogprobStart < 0 ? tokens.length : Math.max(1, promptLogprobStart),
    promptLogprobs: promptLogprobStart < 0
      ? undefined
      : promptLogprobStart === 0
      ? [{ token: tokens[0]!, logprob: null, top: [] }]
      : [],
    states: wantedStates(message, tokens.length),
    speculation: undefined,
    cancelled: false,
  };
  enqueue(state, sequence);
  return undefined;
}

/**
 * Moves the waiting sequence whose turn it is into the batch, with the pages of all its tokens; undefined if there is none
 * or no room. No other sequence overtakes it.
 */
export function admitNext(state: AdmissionState): Sequence | undefined {
  if (state.running.length >= state.config.maxRunningRequests) return undefined;
  const sequence = chooseNext(state);
  if (sequence === undefined) return undefined;
  attachPrefix(state, sequence);
  if (!hasRoom(state, sequence)) {
    releasePages(state, sequence);
    return undefined;
  }
  growPages(state, sequence);
  sequence.numPrefill = sequence.tokens.length;
  if (sequence.numCached === undefined) {
    sequence.numCached = sequence.numComputed;
    state.promptTokens += sequence.numPromptTokens;
    state.cachedTokens += sequence.numCached;
  }
  sequence.numAttached = sequence.numComputed;
  leaveQueue(state, sequence);
  observeAdmittedCopy(state, sequence);
  state.running.push(sequence);
  return sequence;
}

/** Books the queueing time of sequences that run since the step planned at `now`, milliseconds. */
export function observeAdmissions({ running }: AdmissionState, now: number): void {
  for (const sequence of running) sequence.queueMs ??= now - sequence.submittedAt;
}

/** A lone sequence always has room: all other pages are free or evictable, and `submit` bounds its length. */
function hasRoom(state: AdmissionState, sequence: Sequence): boolean {
  const { running, reserve, config } = state;
  if (running.length === 0) return true;
  const numToCome = [...running, sequence].reduce(
    (sum, other) => sum + Math.min(numTokensToCome(other), MAX_RESERVED_TOKENS),
    0,
  );
  const numReserved = Math.ceil(reserve.ratio * numToCome / config.pageSize);
  return numMissingPages(state, sequence) + numReserved <= numAvailablePages(state);
}

function numTokensToCome(sequence: Sequence): number {
  return sequence.maxTokens - numOutputTokens(sequence);
}

function refusal(state: AdmissionState, message: Submit): Error | undefined {
  const { requestId, promptTokens } = message;
  const { config, sequences } = state;
  const { contextLength } = config;
  const input = `The input (${promptTokens.length} tokens)`;
  if (sequences.has(requestId)) {
    return new InvalidRequestError(`Duplicate request ID: ${requestId}`, "rid");
  }
  if (promptTokens.length === 0) {
    return new InvalidRequestError("Cannot generate: the prompt is empty", "prompt");
  }
  if (promptTokens.length >= contextLength) {
    const limit = `is longer than the model's context length (${contextLength} tokens)`;
    return new InvalidRequestError(`${input} ${limit}`, "prompt", "context_length");
  }
  if (promptTokens.length >= poolTokens(config)) {
    return new InvalidRequestError(
      `${input} is too long for the KV pool (${poolTokens(config)} tokens)`,
      "prompt",
      "context_length",
    );
  }
  const { batch } = message, { lastBatch } = state;
  if (batch === undefined) return overload(state, message);
  if (batch.id === lastBatch?.id) {
    return lastBatch.isRefused
      ? new OverloadedError("Cannot queue request: others of its batch were refused")
      : undefined;
  }
  const error = overload(state, message);
  state.lastBatch = { id: batch.id, isRefused: error !== undefined };
  return error;
}

/**
 * The error of a request that the queue has no room for, together with those that follow it in its batch; undefined if
 * it has. Requests that only wait for a free place in the running batch are not counted.
 */
function overload(
  state: AdmissionState,
  { promptTokens, client = "", batch }: Submit,
): Error | undefined {
  const { waiting, running, config } = state, backlog = backlogOf(state, client);
  const { maxQueuedRequests, maxQueuedPerClient = Infinity, maxQueuedTokens = Infinity } = config;
  const { numFollowing, numFollowingTokens } = batch ?? { numFollowing: 0, numFollowingTokens: 0 };
  const numFree = config.maxRunningRequests - running.length, numAll = backlog.size + 1 + numFollowing;
  const refused = (reason: string, numEnds: number) =>
    new OverloadedError(`Cannot queue request: ${reason}`, promiseRoom(state, client, numEnds));
  const rest = numFollowing > 0 ? `, its batch has ${numFollowing} more` : "";
  const numPlaces = numFree + maxQueuedRequests, numMissing = numAll - numPlaces;
  if (numMissing > 0) {
    return refused(`${backlog.size} of at most ${numPlaces} are waiting${rest}`, numMissing);
  }
  // Requests with an empty client name are the server's own, or clients are not told apart.
  const { numOwn } = backlog,
    numOwnMissing = numOwn + 1 + numFollowing - numFree - maxQueuedPerClient;
  if (client !== "" && numOwnMissing > 0) {
    // A place is free when one of its own is admitted, and clients take turns.
    return refused(
      `${numOwn} of this client's are waiting${rest}, and one client may have ${maxQueuedPerClient}`,
      numOwnMissing * Math.max(1, waiting.numClients),
    );
  }
  const numTokens = promptTokens.length + numFollowingTokens;
  if (numAll > numFree && backlog.size > 0 && backlog.numTokens + numTokens > maxQueuedTokens) {
    const numTooMany = backlog.numTokens + numTokens - maxQueuedTokens;
    const reason = `its ${numTokens} tokens and the ${backlog.numTokens} that are waiting are more than`;
    return refused(
      `${reason} the ${maxQueuedTokens} allowed`,
      Math.min(backlog.size, Math.ceil(numTooMany * backlog.size / backlog.numTokens)),
    );
  }
  return undefined;
}
