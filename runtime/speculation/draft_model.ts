/**
 * Proposes what a small model of the same vocabulary says (speculative decoding as Leviathan et al. 2023 have it), as a
 * chain or, as EAGLE-2 does, as a tree.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import type { GraphId } from "../../ffi/handles.ts";
import type { Checkpoint } from "../config.ts";
import { LoadError } from "../errors.ts";
import { type LoadedModel, loadModel } from "../models/load.ts";
import { defaultSamplingParams, maxTopLogprobs } from "../sampling/params.ts";
import { type OutputRow, Sampler } from "../sampling/sampler.ts";
import { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { DraftRows } from "./draft_rows.ts";
import { FilledPages } from "./filled_pages.ts";
import type { DraftRequest, DraftTree, Proposer, ProposerParts } from "./proposer.ts";
import { MAX_GROWN_ROWS, TreeGrowth } from "./tree_growth.ts";

/** Rows of committed tokens in one forward at most. */
const MAX_ROWS = 256;

/** A sequence as far as the draft model knows it. */
interface DraftSequence {
  readonly tokens: number[];
  /** Leading tokens whose draft KV is in the pool. */
  numFilled: number;
}

/** A request with its tree in the making. */
interface Growing {
  readonly request: DraftRequest;
  readonly sequence: DraftSequence;
  readonly growth: TreeGrowth;
  /** Pages of the committed tokens, then some that live for this call only. */
  readonly pages: Int32Array;
  numGrown: number;
  /** Candidates whose rows are being run. */
  frontier: readonly number[];
}

/** See the module's comment. */
export class DraftModelProposer implements Proposer {
  readonly #loaded: LoadedModel;
  readonly #rows: DraftRows;
  readonly #sampler: Sampler;
  readonly #graph: GraphId;
  readonly #filled: FilledPages;
  readonly #sequences = new Map<string, DraftSequence>();
  readonly #growths: readonly TreeGrowth[];
  readonly #output: OutputRow;
  readonly #pageSize: number;
  readonly #numPages: number;
  readonly #scratchPages: number;

  /** @throws {LoadError} if the draft model is missing or has another vocabulary */
  constructor(
    { speculation, limits, target, log }: ProposerParts,
    checkpoint: Checkpoint | undefined = speculation.draft,
  ) {
    const { maxSequences, numPages, pageSize, contextLength } = limits, { topk } = speculation;
    checkVocabulary(checkpoint, target.checkpoint);
    this.#pageSize = pageSize;
    this.#numPages = numPages;
    this.#scratchPages = Math.ceil(MAX_GROWN_ROWS / pageSize);
    const maxRows = Math.max(MAX_ROWS, maxSequences * topk), maxOutputs = maxSequences * topk;
    const context = Context.attach(target.libraryPath, target.context);
    this.#loaded = loadModel(context, {
      checkpoint,
      dtype: target.dtype,
      kvDtype: target.kvDtype,
      pageSize,
      maxTotalTokens: (numPages + maxSequences * this.#scratchPages) * pageSize,
      contextLength: contextLength + MAX_GROWN_ROWS,
      maxRows,
      maxOutputs,
      maxRunningRequests: maxSequences,
      maxNodes: 0,
      featureLayers: [],
    }, log);
    const { model, kv, pagesPerSegment } = this.#loaded;
    this.#rows = new DraftRows(
      { rows: maxRows, segments: maxSequences, pages: pagesPerSegment, outputs: maxOutputs },
      pageSize,
    );
    this.#sampler = new Sampler(context, maxOutputs, checkpoint.config.vocabSize);
    this.#graph = context.record(() => {
      model.forward(kv);
      this.#sampler.forward(model.logits);
    });
    this.#filled = new FilledPages({ numPages, pageSize, lookAhead: 0 });
    this.#growths = Array.from({ length: maxSequences }, () => new TreeGrowth(topk));
    const sampling = {
      ...defaultSamplingParams,
      temperature: 0,
      numLogprobs: Math.min(topk, maxTopLogprobs),
    };
    const start = { requestId: "", sampling, tokens: new Int32Array(0), numPromptTokens: 0 };
    this.#output = { sampling: new SequenceSampling(start, []), position: 0, target: -1 };
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    const all = requests.map((request, i) => this.#begin(request, i));
    this.#extend(all);
    for (let level = 1; all.some((one) => level < one.request.numSteps); level++) {
      if (!this.#growLevel(all.filter((one) => level < one.request.numSteps))) break;
    }
    return all.map(({ growth }) => growth.finish());
  }

  release(requestId: string): void {
    this.#sequences.delete(requestId);
  }

  [Symbol.dispose](): void {
    this.#sequences.clear();
  }

  #begin(request: DraftRequest, index: number): Growing {
    const { requestId, start, tokens, pages, topk, numNodes } = request;
    let sequence = this.#sequences.get(requestId);
    if (sequence === undefined || start === 0) {
      sequence = { tokens: [...tokens], numFilled: 0 };
      this.#sequences.set(requestId, sequence);
      // The last token's row says what comes next, so it is run whatever the pool has.
      sequence.numFilled = Math.min(this.#filled.numFilled(sequence.tokens, pages), tokens.length - 1);
    } else {
      sequence.tokens.push(...tokens);
    }
    const growth = this.#growths[index]!;
    growth.begin(topk, numNodes);
    const numCommitted = Math.ceil(sequence.tokens.length / this.#pageSize);
    const scratch = this.#numPages + index * this.#scratchPages;
    return {
      request,
      sequence,
      growth,
      pages: Int32Array.of(
        ...pages.subarray(0, numCommitted),
        ...Array.from({ length: this.#scratchPages }, (_, i) => scratch + i),
      ),
      numGrown: 0,
      frontier: [],
    };
  }

  /** Runs the tokens whose KV is missing; the children of the roots come of the last rows. */
  #extend(all: readonly Growing[]): void {
    let waiting = [...all];
    while (waiting.length > 0) {
      const done: Growing[] = [], inFlight: Growing[] = [];
      this.#rows.clear();
      for (const one of waiting) {
        const { sequence: { tokens }, pages } = one;
        const numRows = Math.min(tokens.length - one.sequence.numFilled, MAX_ROWS - this.#rows.numRows);
        if (numRows === 0) break;
        this.#rows.startSegment(pages);
        for (let i = 0; i < numRows; i++) {
          const position = one.sequence.numFilled++, isOutput = position === tokens.length - 1;
          const row = {
            token: tokens[position]!,
            position,
            entry: position,
            visible: position + 1,
            mask: 0n,
          };
          this.#rows.add({ ...row, isOutput });
          if (isOutput) done.push(one);
        }
        inFlight.push(one);
      }
      this.#run();
      done.forEach(({ growth, request }, output) => this.#addChildren(growth, -1, request.topk, output));
      waiting = waiting.filter((one) => !done.includes(one));
    }
    for (const { request: { pages, start }, sequence: { tokens } } of all) {
      if (start === 0 || crossesPage(start, tokens.length, this.#pageSize)) this.#filled.fill(tokens, pages);
    }
  }

  /** Runs the best candidates of each tree's last level; false if none has any. */
  #growLevel(all: readonly Growing[]): boolean {
    this.#rows.clear();
    const outputs: { one: Growing; candidate: number }[] = [];
    for (const one of all) {
      const { growth, sequence: { tokens }, pages } = one;
      const count = growth.advance();
      if (count === 0) continue;
      this.#rows.startSegment(pages);
      for (let i = 0; i < count; i++) {
        const candidate = growth.frontier[i]!;
        this.#rows.add({
          token: growth.tokenOf(candidate),
          position: tokens.length - 1 + depthOf(growth.maskOf(candidate)),
          entry: tokens.length + one.numGrown++,
          visible: tokens.length,
          mask: growth.maskOf(candidate),
          isOutput: true,
        });
        outputs.push({ one, candidate });
      }
    }
    if (outputs.length === 0) return false;
    this.#run();
    outputs.forEach(({ one: { growth, request }, candidate }, output) =>
      this.#addChildren(growth, candidate, request.topk, output)
    );
    return true;
  }

  #addChildren(growth: TreeGrowth, parent: number, topk: number, output: number): void {
    for (const [token, logprob] of this.#sampler.logprobAt(output, topk).top) {
      growth.add(parent, token, logprob);
    }
  }

  #run(): void {
    const { context, batch } = this.#loaded, rows = this.#rows.finish();
    context.writeBatch(batch, rows);
    this.#sampler.write(new Array<OutputRow>(rows.numOutputs).fill(this.#output));
    context.replay(this.#graph);
    this.#sampler.read(rows.numOutputs);
  }
}

function depthOf(mask: bigint): number {
  let depth = 0;
  for (let rest = mask; rest > 0n; rest &= rest - 1n) depth++;
  return depth;
}

function crossesPage(from: number, to: number, pageSize: number): boolean {
  return Math.floor(from / pageSize) !== Math.floor(to / pageSize);
}

function checkVocabulary(draft: Checkpoint | undefined, target: Checkpoint): asserts draft is Checkpoint {
  if (draft === undefined) {
    throw new LoadError("Cannot draft: no draft model is given, expected --speculative-draft-model-path");
  }
  const { vocabSize } = draft.config;
  if (vocabSize !== target.config.vocabSize) {
    throw new LoadError(
      `Cannot draft with ${draft.path}: its vocabulary has ${vocabSize} tokens, expected the target's ${target.config.vocabSize}`,
    );
  }
}
