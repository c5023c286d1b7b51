/**
 * What the scheduler's counters mean as metrics: SGLang's names where SGLang has the same, `aerie:` for the rest.
 *
 * @module
 */
import {
  cacheHitRate,
  genThroughput,
  type SchedulerState,
  tokenUsage,
  utilization,
} from "../contracts/scheduler_state.ts";
import { acceptLength, acceptRate } from "../contracts/usage.ts";

/** What does not change while the engine runs. */
export interface SchedulerFacts {
  readonly servedModelName: string;
  readonly contextLength: number;
  readonly pageSize: number;
  readonly weightBytes: number;
  readonly kvBytes: number;
}

/** One value, or one for each value of a label; undefined if there is none now. */
export type Reading = number | Readonly<Record<string, number>> | undefined;

/** A metric and what it reads now. */
export interface Family {
  readonly type: "gauge" | "counter";
  readonly name: string;
  readonly help: string;
  /** Label that distinguishes its values, if there are several. */
  readonly label?: string;
  readonly values: Reading;
}

const GIGABYTE = 2 ** 30;

/** All metrics that the counters and facts say. */
export function familiesOf(state: SchedulerState, facts: SchedulerFacts): Family[] {
  return [
    ...requestFamilies(state),
    ...poolFamilies(state, facts),
    ...tokenFamilies(state),
    ...speculationFamilies(state),
    ...stepFamilies(state),
  ];
}

function requestFamilies(state: SchedulerState): Family[] {
  return [
    gauge("sglang:num_running_reqs", "Requests being computed", state.numRunning),
    gauge("sglang:num_queue_reqs", "Requests in the queue", state.numWaiting),
    gauge(
      "sglang:num_grammar_queue_reqs",
      "Requests whose grammar is being compiled; they come into the queue afterwards",
      state.numCompiling,
    ),
    gauge("sglang:num_retracted_reqs", "Requests in the queue that were preempted", state.numPreempted),
    gauge("sglang:num_paused_reqs", "Requests that have run and that a pause holds up", state.numPaused),
    counter("sglang:num_retracted_requests_total", "Preemptions", state.numPreemptions),
    gauge("sglang:utilization", "The fuller of batch and KV pool, 1 being full", utilization(state)),
    gauge(
      "sglang:gen_throughput",
      "Tokens generated per second over the last log interval; 0 while nothing runs",
      genThroughput(state),
    ),
    gauge(
      "sglang:new_token_ratio",
      "Share of the tokens still to come for which admission keeps pages free",
      state.reserveRatio,
    ),
    gauge("aerie:max_running_reqs", "Requests computed at once at most", state.maxRunningRequests),
    gauge("aerie:num_queue_tokens", "Tokens to compute for requests in the queue", state.numWaitingTokens),
    gauge("aerie:num_queue_clients", "Clients with requests in the queue", state.numWaitingClients),
    counter("aerie:preemptions_total", "Times that a request lost its pages", state.numPreemptions),
  ];
}

function poolFamilies(state: SchedulerState, facts: SchedulerFacts): Family[] {
  const { pageSize, weightBytes, kvBytes } = facts, used = state.numUsedTokens;
  return [
    gauge("sglang:num_used_tokens", "Tokens of the KV pool in use; those only cached are not", used),
    gauge("sglang:kv_used_tokens", "As sglang:num_used_tokens", used),
    gauge("sglang:kv_available_tokens", "Tokens of the KV pool that are free", state.numFreePages * pageSize),
    gauge(
      "sglang:kv_evictable_tokens",
      "Tokens of the KV pool that only the radix cache holds",
      state.numEvictablePages * pageSize,
    ),
    gauge("sglang:token_usage", "Share of the KV pool in use", tokenUsage(state)),
    gauge("sglang:full_token_usage", "As sglang:token_usage", tokenUsage(state)),
    gauge("sglang:decode_sum_seq_lens", "Tokens of the sequences that decode", state.numDecodeTokens),
    gauge("sglang:max_total_num_tokens", "Tokens the KV pool holds", state.maxTotalTokens),
    gauge("sglang:page_size", "Tokens in a page of the KV pool", pageSize),
    gauge("sglang:num_pages", "Pages of the KV pool", state.numPages),
    gauge("sglang:context_len", "Longest sequence in tokens", facts.contextLength),
    gauge("sglang:weight_memory_usage_gb", "Memory of the weights, GiB", weightBytes / GIGABYTE),
    gauge("sglang:kv_cache_memory_usage_gb", "Memory of the KV pool, GiB", kvBytes / GIGABYTE),
  ];
}

function tokenFamilies(state: SchedulerState): Family[] {
  const { cachedTokens, prefillTokens, generatedTokens } = state;
  return [
    gauge(
      "sglang:cache_hit_rate",
      "Share of the prompt tokens admitted since the start that the radix cache had",
      cacheHitRate(state),
    ),
    {
      ...counter("sglang:realtime_tokens_total", "Tokens processed, those of running requests included", {
        prefill_compute: prefillTokens,
        prefill_cache: cachedTokens,
        decode: generatedTokens,
      }),
      label: "mode",
    },
  ];
}

function speculationFamilies({ speculation, lastSpeculation, numDraftLevels }: SchedulerState): Family[] {
  const recent = lastSpeculation ?? speculation;
  const { proposedHistogram = [], acceptedHistogram = [] } = speculation ?? {};
  // The accepted drafts of a verification are a path from the root: as many as it is deep.
  const accepted = proposedHistogram.map((_, n) => sum(acceptedHistogram.slice(n + 1)));
  return [
    gauge(
      "sglang:spec_accept_length",
      "Tokens per decode step of a sequence over the last log interval, the one not drafted included",
      recent && acceptLength(recent),
    ),
    gauge(
      "sglang:spec_accept_rate",
      "Share of the drafts verified over the last log interval that was accepted",
      recent && acceptRate(recent),
    ),
    gauge("sglang:spec_num_steps", "Levels of draft trees now; 0 while drafts do not pay", numDraftLevels),
    counter(
      "sglang:spec_verify_calls_total",
      "Decode steps of sequences under speculation, those without drafts included",
      speculation?.numVerifications,
    ),
    {
      ...counter("aerie:draft_tokens_proposed_total", "Draft tokens verified", byDepth(proposedHistogram)),
      label: "depth",
    },
    {
      ...counter("aerie:draft_tokens_accepted_total", "Draft tokens accepted", byDepth(accepted)),
      label: "depth",
    },
  ];
}

function stepFamilies(state: SchedulerState): Family[] {
  const { numSteps, numPrefillSteps, numDrafts } = state;
  const seconds = {
    draft: state.draftMs / 1000,
    decode: (state.forwardMs - state.prefillForwardMs) / 1000,
    prefill: state.prefillForwardMs / 1000,
    commit: state.commitMs / 1000,
  };
  const count = {
    draft: numDrafts,
    decode: numSteps - numPrefillSteps,
    prefill: numPrefillSteps,
    commit: numSteps,
  };
  return [
    {
      ...counter(
        "aerie:step_seconds_total",
        "Time of steps by phase: drafts, native forwards without and with prompts, booking of what they yield",
        seconds,
      ),
      label: "phase",
    },
    { ...counter("aerie:steps_total", "Steps by phase; divides the time", count), label: "phase" },
    gauge(
      "aerie:step_bound_seconds",
      "Time that a step with prompts may take beside those that decode now; none without --max-step-ms",
      state.stepBoundMs === null ? undefined : state.stepBoundMs / 1000,
    ),
  ];
}

function gauge(name: string, help: string, values: Reading): Family {
  return { type: "gauge", name, help, values };
}

function counter(name: string, help: string, values: Reading): Family {
  return { type: "counter", name, help, values };
}

function byDepth(counts: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(counts.map((count, n) => [String(n + 1), count]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
