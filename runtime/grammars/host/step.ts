/**
 * A step's sequences, matched in the hosts that have them. What is lost with a host is done again in another.
 *
 * @module
 */
import type { DraftTree } from "../../contracts/draft_tree.ts";
import { toWireError } from "../../contracts/errors.ts";
import type { Masked, MatchRequest, SequenceMasks } from "../../messages/matcher.ts";
import { HostLostError } from "../../processes/host_child.ts";
import type { HostMasks } from "./host.ts";
import type { PooledSequence } from "./sequence.ts";
import type { Slot } from "./slots.ts";

/** The masks of a step, request by request. */
export type StepMasks = Pick<Masked, "sequences" | "words">;

/** What hosts are asked for a sequence. */
interface Item {
  readonly sequence: PooledSequence;
  /** The drafts; once they are refined, those. */
  tree: DraftTree;
  /** 0 once they are refined. */
  maxNodes: number;
  masks: { readonly of: HostMasks; readonly index: number } | undefined;
}

/** The sequences of one host. */
interface Group {
  readonly slot: Slot;
  readonly items: readonly Item[];
  readonly masked: Promise<HostMasks>;
}

/** What a step needs of the pool. */
export interface StepOptions {
  /** The sequence of a request; undefined if it has been forgotten. */
  readonly sequenceOf: (requestId: string) => PooledSequence | undefined;
  /** Gives up a host. */
  readonly lose: (slot: Slot) => void;
  /** Takes the refined trees, as soon as all are there. */
  readonly onRefined: (trees: DraftTree[]) => void;
}

/** Matches a step. */
export async function matchStep(
  requests: readonly MatchRequest[],
  { sequenceOf, lose, onRefined }: StepOptions,
): Promise<StepMasks> {
  const items = requests.map(({ requestId, numBefore, tokens, tree, maxNodes }): Item | undefined => {
    const sequence = sequenceOf(requestId);
    sequence?.follow(numBefore, tokens);
    return sequence && { sequence, tree, maxNodes, masks: undefined };
  });
  const known = items.filter((item) => item !== undefined);
  let groups = await refineAll(known, lose);
  onRefined(requests.map(({ tree }, i) => items[i]?.tree ?? tree));
  while (groups.length > 0) {
    const again: Item[] = [];
    for (const group of groups) {
      const masks = await orLost(group, lose, group.masked);
      if (masks === undefined) again.push(...group.items);
      else group.items.forEach((item, index) => item.masks = { of: masks, index });
    }
    groups = await refineAll(again, lose);
  }
  return join(requests.map(({ tree }, i) => ({ item: items[i], tree: items[i]?.tree ?? tree })));
}

/** Has the drafts of sequences refined; returns the groups whose masks are still to come. */
async function refineAll(items: readonly Item[], lose: StepOptions["lose"]): Promise<Group[]> {
  const groups: Group[] = [];
  for (let waiting = items; waiting.length > 0;) {
    await Promise.all(waiting.map(({ sequence }) => sequence.placed));
    // What comes from a lost host may be asked of one that is not done: it answers one step at a time.
    await Promise.allSettled(groups.map(({ masked }) => masked));
    const bySlot = Map.groupBy(waiting, ({ sequence }) => sequence.error ? undefined : sequence.slot);
    const asked = [...bySlot].flatMap(([slot, items]) => slot === undefined ? [] : ask(slot, items));
    // What lost its host meanwhile waits for the next.
    waiting = (bySlot.get(undefined) ?? []).filter(({ sequence }) => sequence.error === undefined);
    for (const { refined, ...group } of asked) {
      const trees = await orLost(group, lose, refined);
      if (trees === undefined) {
        waiting = [...waiting, ...group.items];
        continue;
      }
      group.items.forEach((item, i) => {
        item.tree = trees[i]!;
        item.maxNodes = 0;
      });
      groups.push(group);
    }
  }
  return groups;
}

function ask(slot: Slot, items: readonly Item[]): Group & { readonly refined: Promise<DraftTree[]> } {
  const tokens = items.map(({ sequence }) => Int32Array.from(sequence.tokens.slice(sequence.numMatched)));
  const heads = items.map(({ sequence, tree, maxNodes }, i) => ({
    sequence: sequence.number,
    numKept: sequence.numMatched,
    numTokens: tokens[i]!.length,
    numNodes: tree.tokens.length,
    maxNodes,
  }));
  for (const { sequence } of items) sequence.numMatched = sequence.tokens.length;
  return { slot, items, ...slot.host.match({ heads, tokens, trees: items.map(({ tree }) => tree) }) };
}

/** What a host answers; undefined if it is lost. */
async function orLost<Answer>(
  { slot }: Pick<Group, "slot">,
  lose: StepOptions["lose"],
  answer: Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof HostLostError)) throw error;
    lose(slot);
    return undefined;
  }
}

/** The masks of all hosts as one list. */
function join(items: readonly { readonly item: Item | undefined; readonly tree: DraftTree }[]): StepMasks {
  const used = new Map<Uint32Array, number>();
  const use = (mask: Uint32Array) => {
    if (!used.has(mask)) used.set(mask, used.size);
    return used.get(mask)!;
  };
  const sequences = items.map(({ item, tree }): SequenceMasks => {
    const masks = item?.masks, known = masks?.of.sequences[masks.index];
    const error = known?.error ?? (item?.sequence.error && toWireError(item.sequence.error));
    if (masks === undefined || known === undefined || error !== undefined) {
      const numRows = tree.tokens.length + 1;
      return {
        rows: new Int32Array(numRows).fill(-1),
        mustEnd: new Uint8Array(numRows),
        ...(error && { error }),
      };
    }
    const rows = known.rows.map((row) => row < 0 ? row : use(masks.of.masks[row]!));
    return { rows, mustEnd: known.mustEnd };
  });
  const [first] = used.keys(), numWords = first?.length ?? 0;
  const words = new Uint32Array(used.size * numWords);
  for (const [mask, number] of used) words.set(mask, number * numWords);
  return { sequences, words };
}
