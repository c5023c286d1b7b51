/**
 * Proposes trees with a draft model or head: catches up on the tokens committed since, then grows trees level by level,
 * all sequences in one forward each time.
 *
 * @module
 */
import { type DraftTree, emptyTree } from "../contracts/draft_tree.ts";
import type { DraftRequest } from "../messages/scheduler_drafter.ts";
import type { BatchLimits } from "../models/batch_rows.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, GraphId, TensorId } from "../../ffi/handles.ts";
import { DraftRows } from "./draft_rows.ts";
import { DraftSequence } from "./draft_sequence.ts";
import { PageStamps } from "./page_stamps.ts";
import type { Proposer, ProposerLimits } from "./proposer.ts";
import { TopTokens } from "./top_tokens.ts";
import { MAX_GROWN_ROWS, TreeGrowth } from "./tree_growth.ts";

/** Rows of a forward that catches up, at least. */
const MIN_ROWS = 256;

/** What a tree proposer drafts with. */
export interface TreeDrafter {
  readonly context: Context;
  /** As {@linkcode draftLimits} has it. */
  readonly batch: BatchId;
  /** [outputs, vocabSize], valid after a forward. */
  readonly logits: TensorId;
  readonly vocabSize: number;
  /** Target id of each of its tokens; undefined if they are the same. */
  readonly draftTokens?: Int32Array | undefined;
  /** 1 if KV entry e is computed from the token at e + 1, as a head does; 0 if from the token at e. */
  readonly lookAhead: 0 | 1;
  /** Entry 0 is computed without a token. */
  readonly skipsFirstToken?: boolean;
  /** Runs (or records) rows of committed tokens. The batch's sources are their slots. */
  extend(): void;
  /** Runs (or records) rows of drafts. The batch's sources are the output rows they were drafted from. */
  grow(): void;
}

/** Room a draft model needs. */
export interface DraftLimits {
  readonly batch: BatchLimits;
  /** Pages of its KV pool: the target's, and some that trees grow in. */
  readonly numPages: number;
}

/** What {@linkcode TreeProposer} needs for trees of `topk` children per node. */
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
  readonly sequence: DraftSequence;
  readonly growth: TreeGrowth;
  readonly scratchPages: Int32Array;
  /** Rows run for the tree so far, and in the forward at hand. */
  numRows: number;
  numInForward: number;
}

/** See the module's comment. */
export class TreeProposer implements Proposer {
  readonly #drafter: TreeDrafter;
  readonly #pageSize: number;
  readonly #maxTopk: number;
  readonly #maxRows: number;
  readonly #rows: DraftRows;
  readonly #top: TopTokens;
  readonly #extend: GraphId;
  readonly #grow: GraphId;
  readonly #stamps: PageStamps;
  readonly #sequences = new Map<string, DraftSequence>();
  readonly #growths: readonly TreeGrowth[];
  readonly #scratchPages: readonly Int32Array[];

  constructor(drafter: TreeDrafter, limits: ProposerLimits, topk: number) {
    const { maxSequences, numPages, pageSize } = limits, { context, batch, logits, vocabSize } = drafter;
    const room = draftLimits(limits, topk).batch, numScratch = numScratchPages(pageSize);
    this.#drafter = drafter;
    this.#pageSize = pageSize;
    this.#maxTopk = Math.min(topk, vocabSize);
    this.#maxRows = room.rows;
    this.#rows = new DraftRows(context, batch, room, pageSize);
    this.#top = new TopTokens(context, room.outputs, vocabSize, this.#maxTopk);
    const record = (forward: () => void) =>
      context.record(() => {
        forward();
        this.#top.forward(logits);
      });
    this.#extend = record(() => drafter.extend());
    this.#grow = record(() => drafter.grow());
    this.#stamps = new PageStamps(numPages);
    this.#growths = Array.from({ length: maxSequences }, () => new TreeGrowth(this.#maxTopk));
    this.#scratchPages = Array.from(
      { length: maxSequences },
      (_, i) => Int32Array.from({ length: numScratch }, (_, n) => numPages + i * numScratch + n),
    );
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    const growing: Growing[] = [];
    const trees = requests.map((request) => {
      const sequence = this.#update(request);
      if (request.numSteps < 1 || request.numNodes < 1 || sequence.numEntries < 1) return undefined;
      const i = growing.length, growth = this.#growths[i]!, scratchPages = this.#scratchPages[i]!;
      growth.begin(Math.min(request.topk, this.#maxTopk), request.numNodes);
      growing.push({ request, sequence, growth, scratchPages, numRows: 0, numInForward: 0 });
      return growth;
    });
    if (growing.length > 0) {
      this.#catchUp(growing);
      for (let level = 1; this.#addLevel(growing, level); level++);
    }
    return trees.map((growth) => growth?.finish() ?? emptyTree);
  }

  release(requestId: string): void {
    this.#sequences.delete(requestId);
  }

  [Symbol.dispose](): void {
    this.#sequences.clear();
  }

  #update(request: DraftRequest): DraftSequence {
    let sequence = this.#sequences.get(request.requestId);
    if (sequence === undefined || request.start === 0) {
      sequence = new DraftSequence(this.#drafter.lookAhead, this.#pageSize, this.#stamps);
      this.#sequences.set(request.requestId, sequence);
    }
    sequence.update(request);
    return sequence;
  }

  /** Fills draft KV and adds the first level: the last row of each sequence is an output. */
  #catchUp(growing: readonly Growing[]): void {
    const numMissing = () =>
      growing.reduce((sum, { sequence }) => sum + sequence.numEntries - sequence.nextEntry, 0);
    while (numMissing() > this.#maxRows) this.#runEntries(growing, false);
    this.#top.read(this.#runEntries(growing, true));
    growing.forEach(({ growth, request }, output) => this.#addChildren(growth, -1, output, request.topk));
  }

  /** Runs missing entries: all of them, or as many as fit without the last of any sequence. Returns the outputs. */
  #runEntries(growing: readonly Growing[], isLast: boolean): number {
    const rows = this.#rows;
    rows.begin(Math.max(...growing.map(({ sequence }) => sequence.pages.length)));
    for (const { sequence } of growing) {
      const first = sequence.nextEntry, room = this.#maxRows - rows.numRows;
      const end = Math.min(first + room, isLast ? sequence.numEntries : sequence.numEntries - 1);
      if (end === first) continue;
      rows.segment(sequence.pages);
      for (let entry = first; entry < end; entry++) {
        const token = entry === 0 && this.#drafter.skipsFirstToken ? -1 : sequence.tokenFor(entry);
        rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n });
        sequence.fill(entry);
      }
      if (isLast) rows.output();
    }
    return this.#run(this.#extend);
  }

  /** Expands the best candidates of the last level, in every tree that has levels left; false if there are none. */
  #addLevel(growing: readonly Growing[], level: number): boolean {
    const rows = this.#rows;
    rows.begin(
      Math.max(...growing.map(({ sequence, scratchPages }) => sequence.pages.length + scratchPages.length)),
    );
    for (const tree of growing) {
      const { request, sequence, growth, scratchPages } = tree, { numEntries } = sequence;
      tree.numInForward = level < request.numSteps ? growth.advance() : 0;
      if (tree.numInForward === 0) continue;
      rows.segment(sequence.pages, scratchPages);
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
    this.#top.read(this.#run(this.#grow));
    let output = 0;
    for (const { growth, request, numInForward } of growing) {
      for (let i = 0; i < numInForward; i++) {
        this.#addChildren(growth, growth.frontier[i]!, output++, request.topk);
      }
    }
    return true;
  }

  #addChildren(growth: TreeGrowth, parent: number, output: number, topk: number): void {
    const { draftTokens } = this.#drafter;
    for (let rank = 0; rank < Math.min(topk, this.#maxTopk); rank++) {
      const token = this.#top.tokenAt(output, rank);
      growth.add(parent, draftTokens?.[token] ?? token, this.#top.logprobAt(output, rank), output);
    }
  }

  #run(graph: GraphId): number {
    const numOutputs = this.#rows.write();
    this.#top.prepare(numOutputs);
    this.#drafter.context.run(graph);
    return numOutputs;
  }
}
