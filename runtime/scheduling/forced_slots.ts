/**
 * Room for forced tokens: where a grammar leaves but one way to go on, the matcher adds that way to the tree of a sequence
 * (jump-forward), which the scheduler only learns when it has been verified. So it says beforehand how large a tree may
 * become, and reserves rows, outputs and KV slots for it.
 *
 * @module
 */
import { reservePages } from "../sequences/pages.ts";
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import { decodingOf, draftableOf, stepLoadOf } from "./draft_load.ts";
import type { Drafts, SchedulingState } from "./state.ts";

/** Nodes that the trees of constrained sequences may have after forced tokens were added, by sequence. */
export type MaxNodes = ReadonlyMap<Sequence, number>;

const NO_NODES: MaxNodes = new Map();

/**
 * Reserves slots for forced tokens of the sequences that are constrained and drafted for, behind those of their `drafts`: as
 * many as pay, as far as the forward has room beside all other sequences and the pool has pages.
 */
export function reserveForced(state: SchedulingState, drafts: Drafts): MaxNodes {
  const { policy, config, running } = state;
  if (policy === undefined) return NO_NODES;
  const decoding = decodingOf(state), constrained = draftableOf(decoding).filter(isConstrained);
  if (constrained.length === 0) return NO_NODES;
  const numDrafted = (sequence: Sequence) => drafts.get(sequence)?.tree.tokens.length ?? 0;
  const numNodes = decoding.reduce((sum, sequence) => sum + numDrafted(sequence), 0);
  const numRows = decoding.reduce((sum, { tokens, numComputed }) => sum + tokens.length - numComputed, 0);
  const room = Math.min(config.maxRows - numRows, config.maxOutputs - decoding.length) - numNodes -
    (running.length - decoding.length);
  const share = Math.max(0, Math.floor(room / constrained.length));
  const numPaying = policy.numForced(stepLoadOf(state, decoding), {
    numNodes,
    numSequences: constrained.length,
    hasDrafts: drafts.size > 0,
  });
  const maxNodes = new Map<Sequence, number>();
  for (const sequence of constrained) {
    const own = numDrafted(sequence), more = Math.min(share, Math.max(0, numPaying - own));
    const numSlots = reservePages(state, sequence, own + more);
    // The token behind the last forced one counts too.
    maxNodes.set(sequence, Math.min(numSlots, sequence.maxTokens - numOutputTokens(sequence) - 1));
  }
  return maxNodes;
}

function isConstrained({ constraint }: Sequence): boolean {
  return constraint !== undefined;
}
