/**
 * The pure scheduler with a model of the world around it: a KV memory, a verifier that computes from that memory alone,
 * clients that record their events. Every message is checked on its way.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SchedulerConfig } from "../../runtime/contracts/config.ts";
import type { PauseMode } from "../../runtime/contracts/scheduler_settings.ts";
import { acceptPath, type DraftTree, emptyTree, pathTokens } from "../../runtime/contracts/draft_tree.ts";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import type { Submit } from "../../runtime/messages/engine_scheduler.ts";
import type { Draft, DraftRequest } from "../../runtime/messages/scheduler_drafter.ts";
import type { Segment, SegmentResult, SequenceStart } from "../../runtime/messages/scheduler_verifier.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { submit } from "../../runtime/admission/admission.ts";
import { compilingSequence, enqueueCompiled } from "../../runtime/admission/compiling.ts";
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import { InvalidRequestError, toWireError } from "../../runtime/contracts/errors.ts";
import { commit, verifiedTree } from "../../runtime/scheduling/commit.ts";
import { cancel, failSequence, type SchedulerEvent } from "../../runtime/scheduling/ending.ts";
import { pause, resume, settlePause } from "../../runtime/scheduling/pausing.ts";
import { planDraft, takeDrafts } from "../../runtime/scheduling/drafting.ts";
import { schedule } from "../../runtime/scheduling/schedule.ts";
import {
  createState,
  type Drafts,
  flush,
  type SchedulingState,
  type Step,
} from "../../runtime/scheduling/state.ts";
import { createPolicy } from "../../runtime/speculation_policy/create_policy.ts";
import { type FakeGrammar, grammarOf, refine } from "./fake_grammar.ts";
import { checkBudget, checkOwners, checkSegment, type Started } from "./scheduler_checks.ts";
import { Client } from "./scheduler_client.ts";

/** Sizes of a small server. */
export const worldConfig: SchedulerConfig = {
  numPages: 256,
  pageSize: 4,
  contextLength: 128,
  schedulePolicy: "fcfs",
  scheduleConservativeness: 1,
  maxPrefillTokens: 16384,
  maxRunningRequests: 8,
  maxQueuedRequests: 100,
  chunkedPrefillSize: 32,
  maxRows: 40,
  maxOutputs: 16,
  disableRadixCache: false,
  eosTokenIds: [0],
  decodeLogInterval: 4,
};

/** KV of a token: a hash of all tokens up to it, as real KV depends on all of them. */
function kvAfter(kvBefore: number, token: number): number {
  return Math.imul(kvBefore ^ (token + 1), 0x01000193) >>> 0;
}

/** A drafter: some of its tokens may be right. */
export type MakeTree = (request: DraftRequest, truth: readonly number[]) => DraftTree;

/** The world around a pure scheduler. */
export class World {
  readonly config: SchedulerConfig;
  readonly state: SchedulingState;
  readonly clients = new Map<string, Client>();
  readonly steps: Step[] = [];
  /** Time of a forward by its rows and the tokens that these see, milliseconds. */
  forwardMs: (numRows: number, numSeen: number) => number = () => 10;
  /** Time of a step beside its forward, milliseconds: the messages from the scheduler to the verifier and back. */
  overheadMs: () => number = () => 0;
  /** Time of drafting, milliseconds, messages to the drafter and back included. */
  draftMs: (requests: readonly DraftRequest[]) => number = () => 1;
  /** Drafts whose answer is due. */
  #draft: Draft | undefined;
  readonly #makeTree: MakeTree;
  /** Tokens the drafter was given. */
  readonly #drafted = new Map<string, number[]>();
  /** Requests whose constraint the matcher was asked to compile, and those it has compiled or was told to forget. */
  readonly #uncompiled: string[] = [];
  readonly #compiled = new Set<string>();
  #numSubmitted = 0;
  readonly #vocabSize: number;
  /** Tokens the verifier draws in a step, at most; several as under speculation. */
  readonly #tokensPerResult: number;
  readonly #reserveRatio: number | undefined;
  readonly #kv: Uint32Array;
  readonly #started = new Map<string, Started>();
  /** By page: the cache key of the sequence that wrote it last. */
  readonly #writers: (string | undefined)[] = [];

  /** A `reserveRatio` of 0 admits, all the time, as if nobody went on generating. */
  constructor(
    config: Partial<SchedulerConfig> = {},
    { vocabSize = 1 << 16, tokensPerResult = 1, reserveRatio, makeTree = () => emptyTree }: {
      vocabSize?: number;
      tokensPerResult?: number;
      reserveRatio?: number;
      makeTree?: MakeTree;
    } = {},
  ) {
    this.config = { ...worldConfig, ...config };
    this.state = createState(this.config, createPolicy(this.config.drafting));
    this.#reserveRatio = reserveRatio;
    this.#vocabSize = vocabSize;
    this.#tokensPerResult = tokensPerResult;
    this.#makeTree = makeTree;
    this.#kv = new Uint32Array(this.config.numPages * this.config.pageSize);
  }

  client(requestId: string): Client {
    return this.clients.get(requestId)!;
  }

  submit(
    requestId: string,
    prompt: readonly number[],
    sampling: Partial<SamplingParams> = {},
    of: Omit<Submit, "type" | "requestId" | "promptTokens" | "sampling"> = {},
  ): Client {
    const params = { ...defaultSamplingParams, ...sampling };
    const client = new Client(prompt, params, of);
    if (!this.state.sequences.has(requestId)) this.clients.set(requestId, client);
    const promptTokens = Int32Array.from(prompt);
    const now = this.#numSubmitted++;
    const message: Submit = { type: "submit", requestId, promptTokens, sampling: params, ...of };
    const failed = submit(this.state, message, now);
    if (failed !== undefined) client.onEvent(failed);
    else if (of.constraint !== undefined) this.#uncompiled.push(requestId);
    checkOwners(this.state);
    return client;
  }

  /** Compiles the constraint of the newest or oldest request that waits for it, or says that it cannot be used. */
  compile(how: "newest" | "oldest" | "refused" = "oldest"): void {
    const requestId = how === "newest" ? this.#uncompiled.pop() : this.#uncompiled.shift();
    const sequence = requestId && compilingSequence(this.state, requestId);
    if (!sequence) return;
    if (how === "refused") {
      const error = toWireError(
        new InvalidRequestError("Cannot compile grammar: it is one of those", "ebnf"),
      );
      this.#compiled.add(sequence.requestId);
      this.#handleEvents(failSequence(this.state, sequence, error));
    } else {
      enqueueCompiled(this.state, sequence);
      this.#compiled.add(sequence.requestId);
    }
    checkOwners(this.state);
  }

  cancel(requestId: string): void {
    this.#handleEvents(cancel(this.state, requestId));
    checkOwners(this.state);
  }

  pause(mode: PauseMode): void {
    this.#handleEvents(pause(this.state, mode));
    checkOwners(this.state);
  }

  resume(): void {
    resume(this.state);
  }

  flush(): boolean {
    const done = flush(this.state);
    if (done) assert.equal(this.state.allocator.numFree, this.config.numPages);
    checkOwners(this.state);
    return done;
  }

  /** Asks for drafts, if the scheduler wants any; they are made when the step begins. */
  draft(): void {
    const planned = this.#draft ? undefined : planDraft(this.state);
    if (planned === undefined) return;
    this.#draft = planned.draft;
    for (const request of planned.draft.requests) this.#checkDraft(request);
    checkOwners(this.state);
  }

  /** Starts the next step, if there is one to start. */
  begin(): Step | undefined {
    this.state.reserve.ratio = this.#reserveRatio ?? this.state.reserve.ratio;
    this.draft();
    const step = schedule(this.state, this.#takeDrafts());
    if (step === undefined) return undefined;
    this.steps.push(step);
    for (const { requestId } of step.releases) this.#release(requestId);
    for (const start of step.forward.starts) this.#start(start, step.forward.segments);
    const { segments } = step.forward, started = this.#started, { pageSize } = this.config;
    checkBudget(segments, { config: this.config, started, nobodyStalls: this.#tokensPerResult === 1 });
    for (const segment of segments) {
      const { requestId } = segment, { numFed } = started.get(requestId)!;
      checkSegment(segment, segments, { client: this.client(requestId), numFed, pageSize });
    }
    checkOwners(this.state);
    return step;
  }

  #takeDrafts(): Drafts | undefined {
    if (this.#draft === undefined) return undefined;
    const { step, requests } = this.#draft;
    this.#draft = undefined;
    const trees = requests.map((request) => {
      const tokens = this.#drafted.get(request.requestId);
      const { prompt, asks: { constraint } } = this.client(request.requestId);
      const of = { output: tokens?.slice(prompt.length) ?? [], constraint };
      return tokens ? this.#makeTree(request, this.truth(prompt, request.numSteps, of)) : emptyTree;
    });
    const numRead = Int32Array.from(requests, ({ start, tokens }) => start + tokens.length);
    return takeDrafts(this.state, { type: "drafted", step, trees, numRead }, this.draftMs(requests));
  }

  #checkDraft({ requestId, start, tokens, pages, numSteps, numNodes }: DraftRequest): void {
    const { prompt, tokens: output, asks } = this.client(requestId);
    assert.notEqual(asks.speculative, false, "drafts are made for nobody who decodes plainly");
    const known = start === 0 ? [] : this.#drafted.get(requestId)!;
    assert.equal(start, known.length, `${requestId}: the drafter misses or repeats a token`);
    const all = [...known, ...tokens];
    assert.deepEqual(all, [...prompt, ...output], "the drafter knows every token");
    this.#drafted.set(requestId, all);
    assert.ok(numSteps > 0 && numNodes > 0);
    assert.ok(
      pages.length * this.config.pageSize >= all.length + Math.max(numSteps, numNodes),
      "no room for drafts",
    );
  }

  /** Ends the step in flight, if there is one. */
  end(): void {
    const { inFlight } = this.state;
    if (inFlight === undefined) return;
    const results = inFlight.forward.segments.map((segment) => this.#run(segment));
    const { step, segments } = inFlight.forward;
    let numRows = 0, numSeen = 0;
    for (const [i, segment] of segments.entries()) {
      const { start, tokens } = segment;
      const numOwn = tokens.length + verifiedTree(segment, results[i]!).tokens.length;
      numRows += numOwn;
      numSeen += numOwn * (start + tokens.length);
    }
    const forwardMs = this.forwardMs(numRows, numSeen);
    const roundTripMs = forwardMs + this.overheadMs();
    this.#handleEvents(commit(this.state, { type: "forwarded", step, results, forwardMs }, roundTripMs));
    this.#handleEvents(settlePause(this.state));
    checkOwners(this.state);
  }

  /** A whole step; undefined if there was nothing to do. */
  step(): Step | undefined {
    const step = this.begin();
    this.end();
    return step;
  }

  /** Runs until nothing is left to do. */
  drain(): void {
    this.end();
    while (this.#uncompiled.length > 0) this.compile();
    for (let numSteps = 0; this.step() !== undefined; numSteps++) {
      assert.ok(numSteps < 20_000, "some sequence starves");
    }
    for (const [requestId, { last }] of this.clients) assert.ok(last, `${requestId} never ended`);
    const { allocator, cache } = this.state;
    assert.equal(this.#started.size, 0, "the verifier is told about every end");
    assert.equal(this.#compiled.size, 0, "the matcher is told about every end");
    assert.equal(allocator.numFree + cache.numEvictable, this.config.numPages, "pages leak");
  }

  /** The tokens that the model draws after `prompt` and then `output`, computed without pages. */
  truth(
    prompt: readonly number[],
    numTokens: number,
    { output = [], constraint }: {
      readonly output?: readonly number[];
      readonly constraint?: OutputConstraint | undefined;
    } = {},
  ): number[] {
    let kv = [...prompt, ...output].reduce(kvAfter, 0);
    const all = [...output], grammar = this.#grammarOf(constraint);
    for (let i = 0; i < numTokens; i++) {
      all.push(this.#draw(kv, grammar?.(all)));
      kv = kvAfter(kv, all.at(-1)!);
    }
    return all.slice(output.length);
  }

  #grammarOf(constraint: OutputConstraint | undefined): FakeGrammar | undefined {
    return constraint && grammarOf(constraint, { vocabSize: this.#vocabSize, endToken: 0, maxLength: 20 });
  }

  /** Draws among the tokens that may come; among all if nothing is said. */
  #draw(kv: number, allowed?: readonly number[]): number {
    const hash = (kv ^ (kv >>> 15)) >>> 0;
    return allowed ? allowed[hash % allowed.length]! : hash % this.#vocabSize;
  }

  #handleEvents(events: readonly SchedulerEvent[]): void {
    for (const event of events) {
      if (event.type === "release") this.#release(event.requestId);
      else if (event.type === "forget") this.#forget(event.requestId);
      else this.client(event.requestId).onEvent(event);
    }
  }

  #release(requestId: string): void {
    this.#drafted.delete(requestId);
    assert.ok(this.#started.delete(requestId), `${requestId} is released but was not started`);
  }

  #forget(requestId: string): void {
    const isCompiling = this.#uncompiled.includes(requestId);
    assert.ok(
      this.#compiled.delete(requestId) || isCompiling,
      `${requestId} is forgotten twice or for nothing`,
    );
    if (isCompiling) this.#uncompiled.splice(this.#uncompiled.indexOf(requestId), 1);
  }

  #start(
    { requestId, tokens, numPromptTokens, isConstrained = false }: SequenceStart,
    segments: readonly Segment[],
  ): void {
    const client = this.client(requestId);
    assert.equal(isConstrained, client.asks.constraint !== undefined);
    assert.equal(isConstrained, this.#compiled.has(requestId), `${requestId} runs before it is compiled`);
    assert.ok(!this.#started.has(requestId), `${requestId} is started twice`);
    assert.equal(numPromptTokens, client.prompt.length);
    assert.deepEqual([...tokens], [...client.prompt, ...client.tokens]);
    const segment = segments.find((segment) => segment.requestId === requestId)!;
    assert.equal(segment.start % this.config.pageSize, 0, "a prefix hit is whole pages");
    for (const page of segment.pages.subarray(0, segment.start / this.config.pageSize)) {
      assert.equal(
        this.#writers[page],
        this.#cacheKey(requestId),
        `${requestId} shares a page of another key`,
      );
    }
    this.#started.set(requestId, { numFed: segment.start, decodes: false });
  }

  /** Computes a segment as a model does: from its rows and the KV its page table leads to. */
  #run(segment: Segment): SegmentResult {
    const { requestId, start, tokens, pages, sample, promptLogprobs, maxNodes = 0 } = segment;
    const { pageSize } = this.config, client = this.client(requestId);
    const grammar = this.#grammarOf(client.asks.constraint), output = client.tokens;
    const tree = grammar && sample && (segment.tree ?? maxNodes > 0)
      ? refine(grammar, output, segment.tree ?? emptyTree, maxNodes)
      : segment.tree;
    const allowedAfter = (drafts: readonly number[]) => grammar?.([...output, ...drafts]);
    const slotOf = (position: number) =>
      pages[Math.floor(position / pageSize)]! * pageSize + position % pageSize;
    for (const page of pages.subarray(Math.floor(start / pageSize))) {
      this.#writers[page] = this.#cacheKey(requestId);
    }
    let kv = start === 0 ? 0 : this.#kv[slotOf(start - 1)]!;
    tokens.forEach((token, row) => this.#kv[slotOf(start + row)] = kv = kvAfter(kv, token));
    const started = this.#started.get(requestId)!;
    started.numFed += tokens.length;
    started.decodes ||= sample;
    const { drawn, accepted } = tree
      ? this.#verify(tree, kv, { end: start + tokens.length, slotOf, allowedAfter })
      : { drawn: [], accepted: [] };
    started.numFed += accepted.length;
    while (sample && !tree && drawn.length < 1 + kv % this.#tokensPerResult) {
      drawn.push(this.#draw(kv, allowedAfter(drawn)));
      kv = kvAfter(kv, drawn.at(-1)!);
    }
    const withLogprob = (token: number): TokenLogprob => ({ token, logprob: -1, top: [] });
    return {
      tokens: Int32Array.from(drawn),
      accepted: Int32Array.from(accepted),
      ...(tree && tree !== segment.tree && { tree }),
      ...(this.client(requestId).sampling.numLogprobs >= 0 && { logprobs: drawn.map(withLogprob) }),
      ...(promptLogprobs && { promptLogprobs: Array.from(promptLogprobs.nextTokens, withLogprob) }),
    };
  }

  #cacheKey(requestId: string): string {
    return this.state.sequences.get(requestId)!.cacheKey;
  }

  /** Draws at every node, follows what was drawn and closes the gaps in the KV. */
  #verify(
    tree: DraftTree,
    root: number,
    { end, slotOf, allowedAfter }: {
      readonly end: number;
      readonly slotOf: (position: number) => number;
      readonly allowedAfter: (drafts: readonly number[]) => readonly number[] | undefined;
    },
  ): { readonly drawn: number[]; readonly accepted: readonly number[] } {
    const kvOf = (node: number) => node < 0 ? root : this.#kv[slotOf(end + node)]!;
    tree.tokens.forEach((token, node) =>
      this.#kv[slotOf(end + node)] = kvAfter(kvOf(tree.parents[node]!), token)
    );
    const drawAt = (node: number) => this.#draw(kvOf(node), allowedAfter(pathTokens(tree, node)));
    const accepted = acceptPath(tree, drawAt);
    const drawn = [-1, ...accepted].map(drawAt);
    accepted.forEach((node, i) => this.#kv[slotOf(end + i)] = this.#kv[slotOf(end + node)]!);
    return { drawn, accepted };
  }
}
