/**
 * The proposer that grows draft trees with a network, a draft model or head. It first computes the draft KV of the tokens
 * that were committed since (draft extend, as SGLang calls it), then grows the trees level by level as EAGLE-2 does (Li
 * et al. 2024, arXiv 2406.16858), with one forward per level for all sequences.
 *
 * @module
 */
import { type DraftTree, emptyTree } from "../contracts/draft_tree.ts";
import type { DraftRequest } from "../messages/scheduler_drafter.ts";
import { captureGraphs } from "../models/graph_capture.ts";
import { RowWriter } from "../models/row_writer.ts";
import type { BatchLimits } from "../../ffi/types.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, GraphId, TensorId } from "../../ffi/handles.ts";
import { DraftKv } from "./draft_kv.ts";
import { PageStamps } from "./page_stamps.ts";
import type { DraftCapture, Proposer, ProposerLimits } from "./proposer.ts";
import { TopTokens } from "./top_tokens.ts";
import { MAX_GROWN_ROWS, TreeGrowth } from "./tree_growth.ts";

/** Rows of a forward of draft extend, at least. */
const MIN_ROWS = 256;

/** The network that a tree proposer drafts with. */
export interface DraftNetwork {
  readonly context: Context;
  /** Batch of at least {@linkcode draftLimits}. */
  readonly batch: BatchId;
  /** [outputs, vocabSize], valid after a forward. */
  readonly logits: TensorId;
  readonly vocabSize: number;
  /** Target id of each of its tokens; undefined if they are the same. */
  readonly draftTokens?: Int32Array | undefined;
  /** KV entry e is computed from the token at e + numNextTokens: 0 of a model, 1 of a head. */
  readonly numNextTokens: 0 | 1;
  /** Entry 0 is computed without a token, as in the training of some heads. */
  readonly skipsFirstToken?: boolean;
  /** Runs or records the forward over committed tokens. The batch's sources are their slots. */
  extend(): void;
  /** Runs or records the forward over drafts. The batch's sources are the output rows they were drafted from. */
  grow(): void;
}

/** Sizes of a draft model's batch and KV pool. */
export interface DraftLimits {
  readonly batch: BatchLimits;
  /** Pages of the draft KV pool: as many as the target's, and scratch pages for the nodes of trees. */
  readonly numPages: number;
}

/** The sizes that {@linkcode TreeProposer} needs for trees of `topk` children per node. */
export function draftLimits(
  { maxSequences, numPages, pageSize, contextLength }: ProposerLimits,
  topk: number,
): DraftLimits {
  const outputs = maxSequences * topk, scratch = numScratchPages(pageSize);
  return {
    batch: {
      rows: Math.max(MIN_ROWS, outputs),
      segments: maxSequences,
      pages: Math.ceil(contextLength / pageSize) + scratch,
      outputs,
    },
    numPages: numPages + maxSequences * scratch,
  };
}

/** Pages for the rows of a tree beyond the sequence's last page. */
function numScratchPages(pageSize: number): number {
  return Math.ceil(MAX_GROWN_ROWS / pageSize);
}

/** A tree that is being grown. */
interface Growing {
  readonly request: DraftRequest;
  readonly draftKv: DraftKv;
  readonly growth: TreeGrowth;
  readonly scratchPages: Int32Array;
  /** Rows run for the tree so far, and in the forward at hand. */
  numRows: number;
  numInForward: number;
}

/** Grows the trees of all sequences together. */
export class TreeProposer implements Proposer {
  readonly #network: DraftNetwork;
  readonly #pageSize: number;
  readonly #maxTopk: number;
  readonly #maxRows: number;
  readonly #graphSequences: number;
  readonly #rows: RowWriter;
  readonly #top: TopTokens;
  readonly #extendGraph: GraphId;
  readonly #growGraph: GraphId;
  readonly #stamps: PageStamps;
  readonly #draftKv = new Map<string, DraftKv>();
  readonly #growths: readonly TreeGrowth[];
  readonly #scratchPages: readonly Int32Array[];

  constructor(network: DraftNetwork, limits: ProposerLimits, topk: number) {
    const { maxSequences, numPages, pageSize } = limits, { context, logits, vocabSize } = network;
    const room = draftLimits(limits, topk).batch, numScratch = numScratchPages(pageSize);
    this.#network = network;
    this.#pageSize = pageSize;
    this.#maxTopk = Math.min(topk, vocabSize);
    this.#maxRows = room.rows;
    this.#graphSequences = Math.min(limits.graphSequences ?? 0, maxSequences);
    this.#rows = new RowWriter(room, pageSize);
    this.#top = new TopTokens(context, room.outputs, vocabSize, this.#maxTopk);
    const record = (forward: () => void) =>
      context.record(() => {
        forward();
        this.#top.forward(logits);
      });
    this.#extendGraph = record(() => network.extend());
    this.#growGraph = record(() => network.grow());
    this.#stamps = new PageStamps(numPages);
    this.#growths = Array.from({ length: maxSequences }, () => new TreeGrowth(this.#maxTopk));
    this.#scratchPages = Array.from(
      { length: maxSequences },
      (_, i) => Int32Array.from({ length: numScratch }, (_, n) => numPages + i * numScratch + n),
    );
  }

  capture({ numSteps, clock, log }: DraftCapture): void {
    const segments = this.#graphSequences, { context } = this.#network;
    if (segments === 0) return;
    const capture = (name: string, graph: GraphId, rows: number, outputs: number) => {
      const largest = { rows: Math.min(rows, this.#maxRows), segments, outputs };
      captureGraphs({ context, graph, largest, name, clock, log });
    };
    // A level has the best nodes of each tree; extend what was accepted of a tree and the token behind it.
    capture("draft cuda graph", this.#growGraph, segments * this.#maxTopk, segments * this.#maxTopk);
    capture("draft extend cuda graph", this.#extendGraph, segments * (numSteps + 1), segments);
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    const growing: Growing[] = [];
    const trees = requests.map((request) => {
      const draftKv = this.#update(request);
      if (request.numSteps < 1 || request.numNodes < 1 || draftKv.numEntries < 1) return undefined;
      const i = growing.length, growth = this.#growths[i]!, scratchPages = this.#scratchPages[i]!;
      growth.begin(Math.min(request.topk, this.#maxTopk), request.numNodes);
      growing.push({ request, draftKv, growth, scratchPages, numRows: 0, numInForward: 0 });
      return growth;
    });
    if (growing.length > 0) {
      this.#extend(growing);
      for (let level = 1; this.#addLevel(growing, level); level++);
    }
    return trees.map((growth) => growth?.finish() ?? emptyTree);
  }

  numRead({ requestId }: DraftRequest): number {
    return this.#draftKv.get(requestId)?.numFilled ?? 0;
  }

  release(requestId: string): void {
    this.#draftKv.delete(requestId);
  }

  [Symbol.dispose](): void {
    this.#draftKv.clear();
  }

  #update(request: DraftRequest): DraftKv {
    let draftKv = this.#draftKv.get(request.requestId);
    if (draftKv === undefined || request.start === 0) {
      draftKv = new DraftKv(this.#network.numNextTokens, this.#pageSize, this.#stamps);
      this.#draftKv.set(request.requestId, draftKv);
    }
    draftKv.update(request);
    return draftKv;
  }

  /** Draft extend: fills the draft KV of all sequences and adds the first level from the last row of each. */
  #extend(growing: readonly Growing[]): void {
    const numMissing = () =>
      growing.reduce((sum, { draftKv }) => sum + draftKv.numEntries - draftKv.nextEntry, 0);
    while (numMissing() > this.#maxRows) this.#runEntries(growing, false);
    this.#top.read(this.#runEntries(growing, true));
    growing.forEach(({ growth, request }, output) => this.#addChildren(growth, -1, output, request.topk));
  }

  /**
   * Computes missing entries of draft KV: all of them, or as many as fit without the last of any sequence. Returns the
   * number of outputs.
   */
  #runEntries(growing: readonly Growing[], isLast: boolean): number {
    const rows = this.#rows;
    rows.begin(Math.max(...growing.map(({ draftKv }) => draftKv.pages.length)));
    for (const { draftKv } of growing) {
      const first = draftKv.nextEntry, room = this.#maxRows - rows.numRows;
      const end = Math.min(first + room, isLast ? draftKv.numEntries : draftKv.numEntries - 1);
      if (end === first) continue;
      rows.segment(draftKv.pages);
      for (let entry = first; entry < end; entry++) {
        const token = entry === 0 && this.#network.skipsFirstToken ? -1 : draftKv.tokenFor(entry);
        rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n });
        draftKv.fill(entry);
      }
      if (isLast) rows.output();
    }
    return this.#run(this.#extendGraph);
  }

  /** Expands the best candidates of the last level, in every tree that has levels left; false if there are none. */
  #addLevel(growing: readonly Growing[], level: number): boolean {
    const rows = this.#rows;
    rows.begin(
      Math.max(...growing.map(({ draftKv, scratchPages }) => draftKv.pages.length + scratchPages.length)),
    );
    for (const tree of growing) {
      const { request, draftKv, growth, scratchPages } = tree, { numEntries } = draftKv;
      tree.numInForward = level < request.numSteps ? growth.advance() : 0;
      if (tree.numInForward === 0) continue;
      rows.segment(draftKv.pages, scratchPages);
      for (let i = 0; i < tree.numInForward; i++) {
        const candidate = growth.frontier[i]!;
        rows.add({
          token: growth.tokenOf(candidate),
          position: numEntries + level - 1,
          entry: numEntries + tree.numRows++,
          visible: numEntries,
          mask: growth.maskOf(candidate),
          source: growth.sourceOf(candidate),
        });
        rows.output();
      }
    }
    if (rows.numRows === 0) return false;
    this.#top.read(this.#run(this.#growGraph));
    let output = 0;
    for (const { growth, request, numInForward } of growing) {
      for (let i = 0; i < numInForward; i++) {
        this.#addChildren(growth, growth.frontier[i]!, output++, request.topk);
      }
    }
    return true;
  }

  #addChildren(growth: TreeGrowth, parent: number, output: number, topk: number): void {
    const { draftTokens } = this.#network;
    for (let rank = 0; rank < Math.min(topk, this.#maxTopk); rank++) {
      const token = this.#top.tokenAt(output, rank);
      growth.add(parent, draftTokens?.[token] ?? token, this.#top.logprobAt(output, rank), output);
    }
  }

  #run(graph: GraphId): number {
    const { context, batch } = this.#network, { arrays } = this.#rows;
    context.writeBatch(batch, arrays);
    this.#top.prepare(arrays.numOutputs);
    context.run(graph);
    return arrays.numOutputs;
  }
}
