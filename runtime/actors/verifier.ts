/**
 * The verifier: hosts the target model, runs the scheduler's forwards, draws tokens.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { Clock } from "../actor/clock.ts";
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { unreachable, type VerifierMessage } from "../messages/actors.ts";
import {
  type Forward,
  type Forwarded,
  type Segment,
  type SegmentResult,
} from "../messages/scheduler_verifier.ts";
import { RowWriter } from "../models/row_writer.ts";
import { layOut, slotAt, writeSegments } from "../models/segment_rows.ts";
import { type LoadedModel, loading, loadModel } from "../models/load.ts";
import { ThreadChoice } from "../models/thread_choice.ts";
import { type OutputRow, promptReport, Sampler } from "../sampling/sampler.ts";
import { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { defaultSamplingParams, maxTopLogprobs } from "../contracts/sampling_params.ts";
import { acceptPath, chainOf, childrenOf, depthsOf, emptyTree, pathTokens } from "../contracts/draft_tree.ts";
import { acceptByThreshold, filteredProbabilities, uniformOf } from "../speculation/threshold_acceptance.ts";
import { measureContext, measureCurve } from "../speculation/measure.ts";
import { type BatchRows, Context } from "../../ffi/context.ts";
import type { GraphId } from "../../ffi/handles.ts";

/** Numbers of rows whose cost is measured. */
const MEASURED_ROWS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/** Tokens of the context whose cost is measured, and rows behind it. */
const MEASURED_CONTEXT = 512, MEASURED_CONTEXT_ROWS = 8;
const TRIAL_SAMPLING = { ...defaultSamplingParams, temperature: 0 };

/** KV slots whose rows are to be copied, one after another. */
interface Moves {
  readonly from: number[];
  readonly to: number[];
}

class Verifier implements Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  readonly name = "verifier";
  readonly #sequences = new Map<string, SequenceSampling>();
  #config!: VerifierConfig;
  #loaded!: LoadedModel;
  #rows!: RowWriter;
  #sampler!: Sampler;
  #graph!: GraphId;
  /** Undefined if the number of threads is fixed. */
  #threadChoice: ThreadChoice | undefined;
  #numThreads = 0;

  start(config: VerifierConfig, actor: ActorContext): VerifierInfo {
    return loading(config.checkpoint.path, () => this.#load(config, actor));
  }

  #load(config: VerifierConfig, { log, clock }: ActorContext): VerifierInfo {
    const context = new Context(config.libraryPath, config);
    const loaded = loadModel(context, config, log);
    const { model, kv } = loaded;
    const { maxRows, maxOutputs, maxRunningRequests, pageSize } = config;
    this.#config = config;
    this.#loaded = loaded;
    const limits = {
      rows: maxRows,
      segments: maxRunningRequests,
      pages: loaded.pagesPerSegment,
      outputs: maxOutputs,
    };
    this.#rows = new RowWriter(limits, pageSize);
    this.#sampler = new Sampler(context, maxOutputs, config.checkpoint.config.vocabSize);
    const begun = clock.now();
    log("info", `Capture cuda graph begin. This records the forward as an op tape on ${loaded.info.backend}`);
    this.#graph = context.record(() => {
      model.forward(kv);
      this.#sampler.forward(model.logits);
    });
    log("info", `Capture cuda graph end. Time elapsed: ${((clock.now() - begun) / 1000).toFixed(2)} s.`);
    if (config.mayUseFewerThreads) {
      this.#threadChoice = new ThreadChoice(config.threads);
      const trialMs = (threads: number) => {
        context.setThreads(threads);
        return this.#trialMs(1, clock);
      };
      this.#setThreads(this.#threadChoice.calibrate(trialMs));
    }
    const costs = config.maxNodes > 0 && this.#measure(clock);
    return { ...loaded.info, backend: context.describe(), ...costs };
  }

  receive(message: VerifierMessage, context: ActorContext): void {
    switch (message.type) {
      case "forward":
        return this.#forward(message, context);
      case "release":
        this.#sequences.delete(message.requestId);
        return;
      default:
        unreachable(message);
    }
  }

  stop(): void {
    this.#loaded.context[Symbol.dispose]();
  }

  #forward({ step, starts, segments }: Forward, { send, clock }: ActorContext): void {
    for (const start of starts) {
      this.#sequences.set(start.requestId, new SequenceSampling(start, this.#config.eosTokenIds));
    }
    const { context } = this.#loaded;
    const { numRows, numOutputs } = this.#write(segments);
    if (this.#threadChoice) this.#setThreads(this.#threadChoice.choose(numRows));
    const begun = clock.now();
    context.run(this.#graph);
    const forwardMs = clock.now() - begun;
    this.#threadChoice?.observe(numRows, forwardMs);
    this.#sampler.read(numOutputs);
    const moves: Moves = { from: [], to: [] };
    const results = this.#results(segments, moves);
    this.#move(moves);
    const forwarded: Forwarded = { type: "forwarded", step, results, forwardMs };
    send("scheduler", forwarded);
  }

  #setThreads(numThreads: number): void {
    if (numThreads === this.#numThreads) return;
    this.#loaded.context.setThreads(numThreads);
    this.#numThreads = numThreads;
  }

  #write(segments: readonly Segment[]): BatchRows {
    const { context, batch } = this.#loaded;
    writeSegments(this.#rows, layOut(segments));
    const rows = this.#rows.arrays;
    context.writeBatch(batch, rows);
    this.#sampler.write(segments.flatMap((segment) => this.#outputRows(segment)));
    return rows;
  }

  /**
   * Time of a forward of so many rows behind `start` tokens, all of them outputs. It writes to pages that nobody owns
   * yet.
   */
  #trialMs(numRows: number, clock: Clock, start = 0): number {
    const { pageSize, eosTokenIds } = this.#config, requestId = "trial";
    const began = { requestId, sampling: TRIAL_SAMPLING, tokens: new Int32Array(0), numPromptTokens: 0 };
    this.#sequences.set(requestId, new SequenceSampling(began, eosTokenIds));
    const pages = Int32Array.from({ length: Math.ceil((start + numRows) / pageSize) }, (_, page) => page);
    const drafts = new Int32Array(numRows - 1);
    const tree = chainOf(drafts, new Float32Array(drafts));
    this.#write([{ requestId, tokens: Int32Array.of(0), start, pages, sample: true, tree }]);
    this.#sequences.delete(requestId);
    const begun = clock.now();
    this.#loaded.context.run(this.#graph);
    return clock.now() - begun;
  }

  /** What a forward costs by number of rows, and what a context adds. */
  #measure(clock: Clock): Required<Pick<VerifierInfo, "forwardMs" | "contextMs">> {
    const { pageSize, maxRows, maxOutputs } = this.#config, { context, kv, info } = this.#loaded;
    const numSlots = Math.min(info.numPages, this.#loaded.pagesPerSegment) * pageSize;
    const sizes = MEASURED_ROWS.filter((numRows) => numRows <= Math.min(maxRows, maxOutputs, numSlots));
    const forwardMs = measureCurve(sizes, (numRows) => this.#trialMs(numRows, clock));
    const numRows = Math.min(MEASURED_CONTEXT_ROWS, sizes.at(-1)!);
    const contextTokens = Math.min(MEASURED_CONTEXT, numSlots - numRows);
    if (contextTokens <= 0) return { forwardMs, contextMs: { perSequence: 0, perRow: 0 } };
    // Memory that was never written is all the same page, which stays in the caches.
    const slots = Int32Array.from({ length: contextTokens }, (_, slot) => slot);
    context.copyKvSlots(kv, new Int32Array(contextTokens), slots);
    const contextMs = measureContext(
      numRows,
      contextTokens,
      (numRows, start) => this.#trialMs(numRows, clock, start),
    );
    return { forwardMs, contextMs };
  }

  /** The rows of a segment whose logits matter, in the order of `writeSegments`. */
  #outputRows({ requestId, tokens, start, sample, promptLogprobs, tree }: Segment): OutputRow[] {
    const sampling = this.#sequence(requestId);
    const end = start + tokens.length;
    const outputs: OutputRow[] = [], numTop = this.#config.acceptThresholds && tree ? maxTopLogprobs : -1;
    promptLogprobs?.nextTokens.forEach((target, i) => {
      const position = end - (sample ? 1 : 0) - promptLogprobs.numRows + i + 1;
      outputs.push({ sampling, position, target });
    });
    if (sample) outputs.push({ sampling, position: end, target: -1, numTop });
    if (tree) {
      depthsOf(tree.parents).forEach((depth, node) =>
        outputs.push({ sampling, position: end + depth, target: -1, drafts: pathTokens(tree, node), numTop })
      );
    }
    return outputs;
  }

  /** Also adds to `moves` what accepted drafts ask for. */
  #results(segments: readonly Segment[], moves: Moves): SegmentResult[] {
    let output = 0;
    return segments.map((segment) => {
      const { requestId, sample, promptLogprobs, tree = emptyTree } = segment;
      const sampling = this.#sequence(requestId), { params } = sampling;
      const prompt = promptLogprobs && {
        promptLogprobs: Array.from(
          { length: promptLogprobs.numRows },
          () => this.#sampler.logprobAt(output++, promptReport(params)),
        ),
      };
      if (!sample) return { tokens: new Int32Array(0), ...prompt };
      const root = output;
      output += 1 + tree.tokens.length;
      const tokens: number[] = [];
      const accepted = acceptPath(tree, (node) => {
        const token = this.#tokenAt(segment, node, root + 1 + node);
        tokens.push(token);
        return token;
      });
      this.#compact(segment, accepted, moves);
      for (const token of tokens) sampling.append(token);
      const report = { numTop: params.numLogprobs, tokens: params.logprobTokens };
      const logprobs = report.numTop >= 0 && {
        logprobs: tokens.map((token, i) => {
          const at = root + 1 + (accepted[i - 1] ?? -1);
          return this.#sampler.logprobAt(at, report, token);
        }),
      };
      return { tokens: new Int32Array(tokens), ...logprobs, ...prompt };
    });
  }

  /** The token to go on with at a node, whose output is `output`: what was drawn, unless drafts are favoured. */
  #tokenAt({ requestId, start, tokens, tree }: Segment, node: number, output: number): number {
    const drawn = this.#sampler.tokenAt(output), { acceptThresholds } = this.#config;
    const { params, seed: { low, high } } = this.#sequence(requestId);
    if (acceptThresholds === undefined || tree === undefined || params.temperature === 0) return drawn;
    const { top } = this.#sampler.logprobAt(output, { numTop: maxTopLogprobs });
    const probabilities = filteredProbabilities(top, params);
    const children = childrenOf(tree, node).map((child) => {
      const token = tree.tokens[child]!;
      return { token, probability: probabilities.get(token) ?? 0 };
    });
    const position = start + tokens.length + (node < 0 ? 0 : pathTokens(tree, node).length);
    return acceptByThreshold(
      drawn,
      children,
      acceptThresholds,
      uniformOf(low ^ Math.imul(high, 0x27d4eb2f), position),
    );
  }

  /** Accepted nodes are to follow the segment's rows without gaps; those of a chain do already. */
  #compact({ start, tokens, pages }: Segment, accepted: readonly number[], moves: Moves): void {
    const end = start + tokens.length, { pageSize } = this.#config;
    accepted.forEach((node, i) => {
      if (node === i) return;
      moves.from.push(slotAt(pages, end + node, pageSize));
      moves.to.push(slotAt(pages, end + i, pageSize));
    });
  }

  #move(moves: Moves): void {
    if (moves.from.length === 0) return;
    const { context, kv, features } = this.#loaded;
    const from = Int32Array.from(moves.from), to = Int32Array.from(moves.to);
    context.copyKvSlots(kv, from, to);
    if (features) context.copyTensorRows(features, from, to);
  }

  #sequence(requestId: string): SequenceSampling {
    const sampling = this.#sequences.get(requestId);
    if (!sampling) throw new Error(`Cannot run segment: ${requestId} was not started`);
    return sampling;
  }
}

/** An actor that runs forwards of the target model in native code. */
export function verifierActor(): Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  return new Verifier();
}
