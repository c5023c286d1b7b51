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
import { slotAt } from "../models/segment_rows.ts";
import type { GraphId } from "../../ffi/handles.ts";
import { DraftKv } from "./draft_kv.ts";
import { draftLimits, type DraftNetwork, numScratchPages } from "./draft_network.ts";
import { PageStamps } from "./page_stamps.ts";
import type { DraftCapture, Proposer, ProposerLimits } from "./proposer.ts";
import { TopTokens } from "./top_tokens.ts";
import { TreeGrowth } from "./tree_growth.ts";

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
  readonly #extendFurtherGraph: GraphId | undefined;
  /** By level; the last one serves all deeper levels. */
  readonly #growGraphs: readonly GraphId[];
  readonly #stamps: PageStamps;
  readonly #draftKv = new Map<string, DraftKv>();
  readonly #growths: readonly TreeGrowth[];
  readonly #scratchPages: readonly Int32Array[];

  constructor(network: DraftNetwork, limits: ProposerLimits, topk: number) {
    const { maxSequences, numPages, pageSize } = limits,
      { context, logits, vocabSize, numLevels = 1 } = network;
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
    this.#extendFurtherGraph = network.extendFurther && context.record(() => network.extendFurther!());
    this.#growGraphs = Array.from({ length: numLevels }, (_, i) => record(() => network.grow(i + 1)));
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
    for (const graph of this.#growGraphs.slice(0, Math.max(1, numSteps - 1))) {
      capture("draft cuda graph", graph, segments * this.#maxTopk, segments * this.#maxTopk);
    }
    const further = this.#extendFurtherGraph === undefined ? [] : [this.#extendFurtherGraph];
    for (const graph of [this.#extendGraph, ...further]) {
      capture("draft extend cuda graph", graph, segments * (numSteps + 1), segments);
    }
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
    let room = this.#maxRows;
    const parts = growing.map(({ draftKv }) => {
      const first = draftKv.nextEntry, all = isLast ? draftKv.numEntries : draftKv.numEntries - 1;
      const end = Math.min(first + room, all);
      room -= end - first;
      return { draftKv, first, end };
    }).filter(({ first, end }) => end > first);
    this.#writeEntries(parts, isLast, (entry) => entry);
    const numOutputs = this.#run(this.#extendGraph);
    if (this.#extendFurtherGraph !== undefined) {
      this.#writeEntries(parts, isLast, (entry) => Math.max(0, entry - 1));
      this.#run(this.#extendFurtherGraph);
    }
    for (const { draftKv, first, end } of parts) {
      for (let entry = first; entry < end; entry++) draftKv.fill(entry);
    }
    return numOutputs;
  }

  /** Writes the rows of these entries; `sourceOf` is the entry of the same sequence that is an entry's source. */
  #writeEntries(
    parts: readonly { readonly draftKv: DraftKv; readonly first: number; readonly end: number }[],
    isLast: boolean,
    sourceOf: (entry: number) => number,
  ): void {
    const rows = this.#rows;
    rows.begin(Math.max(0, ...parts.map(({ draftKv }) => draftKv.pages.length)));
    for (const { draftKv, first, end } of parts) {
      const { pages } = draftKv;
      rows.segment(pages);
      for (let entry = first; entry < end; entry++) {
        const token = entry === 0 && this.#network.skipsFirstToken ? -1 : draftKv.tokenFor(entry);
        const source = slotAt(pages, sourceOf(entry), this.#pageSize);
        rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n, source });
      }
      if (isLast) rows.output();
    }
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
    this.#top.read(this.#run(this.#growGraphs[Math.min(level, this.#growGraphs.length) - 1]!));
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
