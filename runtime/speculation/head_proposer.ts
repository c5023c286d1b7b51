/**
 * Proposes with a draft head: catches up on the tokens committed since, from the target's hidden states, then grows a
 * tree level by level, all sequences in one forward each time.
 *
 * @module
 */
import type { DraftRequest, DraftTree } from "../messages.ts";
import { Context } from "../../ffi/context.ts";
import type { GraphId, KvId } from "../../ffi/handles.ts";
import type { DraftHead } from "./draft_head.ts";
import { DraftRows } from "./draft_rows.ts";
import { DraftSequence } from "./draft_sequence.ts";
import { emptyTree } from "./draft_tree.ts";
import { PageStamps } from "./page_stamps.ts";
import type { Proposer, ProposerLimits } from "./proposer.ts";
import { TopTokens } from "./top_tokens.ts";
import { MAX_GROWN_ROWS, TreeGrowth } from "./tree_growth.ts";

/** Rows of a forward that catches up, at least. */
const MIN_ROWS = 256;

/** What a head proposer is made of. */
export interface HeadProposerParts {
  readonly context: Context;
  readonly limits: ProposerLimits;
  /** Children of a node, and nodes kept per level, at most. */
  readonly maxTopk: number;
  /** The head's KV: its own pool with the pages of the target's. */
  readonly kv: { readonly layers: number; readonly kvHeads: number; readonly headDim: number };
  readonly kvDtype: "float32" | "bfloat16";
  /** Target id of each token the head knows; undefined if they are the same. */
  readonly draftTokens: Int32Array | undefined;
  /** Builds the head over the batch of the rows. */
  readonly createHead: (rows: DraftRows) => DraftHead;
}

/** A tree that is being grown. */
interface Growing {
  readonly request: DraftRequest;
  readonly sequence: DraftSequence;
  readonly growth: TreeGrowth;
  /** For rows of the tree beyond the sequence's last page. */
  readonly scratchPages: Int32Array;
  /** Rows run for the tree so far, and in the forward at hand. */
  numRows: number;
  numInForward: number;
}

/** A {@linkcode Proposer} around a {@linkcode DraftHead}. */
export class HeadProposer implements Proposer {
  readonly #context: Context;
  readonly #limits: ProposerLimits;
  readonly #draftTokens: Int32Array | undefined;
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

  constructor({ context, limits, maxTopk, kv, kvDtype, draftTokens, createHead }: HeadProposerParts) {
    const { maxSequences, numPages, pageSize, contextLength } = limits;
    const numScratchPages = Math.ceil(MAX_GROWN_ROWS / pageSize), numOutputs = maxSequences * maxTopk;
    this.#context = context;
    this.#limits = limits;
    this.#draftTokens = draftTokens;
    this.#maxRows = Math.max(MIN_ROWS, numOutputs);
    this.#rows = new DraftRows(context, {
      rows: this.#maxRows,
      segments: maxSequences,
      pages: Math.ceil(contextLength / pageSize) + numScratchPages,
      outputs: numOutputs,
    }, pageSize);
    const head = createHead(this.#rows), { logits, vocabSize } = head.output;
    this.#maxTopk = Math.min(maxTopk, vocabSize);
    this.#top = new TopTokens(context, numOutputs, vocabSize, this.#maxTopk);
    const pool: KvId = context.createKv(
      { ...kv, pages: numPages + maxSequences * numScratchPages, pageSize },
      kvDtype,
    );
    const record = (forward: (kv: KvId) => void) =>
      context.record(() => {
        forward(pool);
        this.#top.forward(logits);
      });
    this.#extend = record((kv) => head.extend(kv));
    this.#grow = record((kv) => head.grow(kv));
    this.#stamps = new PageStamps(numPages);
    this.#growths = Array.from({ length: maxSequences }, () => new TreeGrowth(this.#maxTopk));
    this.#scratchPages = Array.from(
      { length: maxSequences },
      (_, i) => Int32Array.from({ length: numScratchPages }, (_, n) => numPages + i * numScratchPages + n),
    );
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    const growing: Growing[] = [];
    const trees = requests.map((request) => {
      const sequence = this.#update(request);
      if (request.numSteps < 1 || request.numNodes < 1 || sequence.root < 1) return undefined;
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
    const known = this.#sequences.get(request.requestId), sequence = known ?? new DraftSequence();
    if (known === undefined) this.#sequences.set(request.requestId, sequence);
    sequence.update(request, this.#stamps, this.#limits.pageSize);
    return sequence;
  }

  /** Fills draft KV up to the root and adds the first level: the last row of each sequence is an output. */
  #catchUp(growing: readonly Growing[]): void {
    const numMissing = () =>
      growing.reduce((sum, { sequence }) => sum + sequence.root - sequence.nextEntry, 0);
    while (numMissing() > this.#maxRows) this.#runEntries(growing, false);
    const numOutputs = this.#runEntries(growing, true);
    this.#top.read(numOutputs);
    growing.forEach(({ growth, request }, output) => this.#addChildren(growth, -1, output, request.topk));
  }

  /** Runs missing entries: all of them, or as many as fit without the last of any sequence. */
  #runEntries(growing: readonly Growing[], isLast: boolean): number {
    const rows = this.#rows, { pageSize } = this.#limits, none = this.#scratchPages[0]!.subarray(0, 0);
    rows.begin(Math.max(...growing.map(({ sequence }) => sequence.pages(pageSize).length)));
    for (const { sequence } of growing) {
      const first = sequence.nextEntry, room = this.#maxRows - rows.numRows;
      const end = Math.min(first + room, isLast ? sequence.root : sequence.root - 1);
      if (end === first) continue;
      rows.segment(sequence.pages(pageSize), none);
      for (let entry = first; entry < end; entry++) {
        const token = sequence.tokenAfter(entry);
        rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n, source: undefined });
        sequence.fill(entry, this.#stamps, pageSize);
      }
      if (isLast) rows.output();
    }
    return this.#run(this.#extend);
  }

  /** Expands the best candidates of the last level, in every tree that has levels left; false if there are none. */
  #addLevel(growing: readonly Growing[], level: number): boolean {
    const rows = this.#rows, { pageSize } = this.#limits;
    rows.begin(
      Math.max(
        ...growing.map(({ sequence, scratchPages }) => sequence.pages(pageSize).length + scratchPages.length),
      ),
    );
    for (const tree of growing) {
      const { request, sequence, growth, scratchPages } = tree, { root } = sequence;
      tree.numInForward = level < request.numSteps ? growth.advance() : 0;
      if (tree.numInForward === 0) continue;
      rows.segment(sequence.pages(pageSize), scratchPages);
      for (let i = 0; i < tree.numInForward; i++) {
        const candidate = growth.frontier[i]!, entry = root + tree.numRows++;
        rows.add({
          token: growth.tokenOf(candidate),
          position: root + level - 1,
          entry,
          visible: root,
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
    for (let rank = 0; rank < Math.min(topk, this.#maxTopk); rank++) {
      const token = this.#top.tokenAt(output, rank);
      growth.add(parent, this.#draftTokens?.[token] ?? token, this.#top.logprobAt(output, rank), output);
    }
  }

  #run(graph: GraphId): number {
    const numOutputs = this.#rows.write();
    this.#top.prepare(numOutputs);
    this.#context.replay(graph);
    return numOutputs;
  }
}
