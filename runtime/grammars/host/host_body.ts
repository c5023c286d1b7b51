/**
 * What a grammar host does: keeps compiled grammars and the matchers of sequences, and answers the pool's requests.
 *
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";
import type { ThinkingConstraint } from "../../contracts/constraint.ts";
import { AerieError, InvalidRequestError, toWireError } from "../../contracts/errors.ts";
import type { DraftTree } from "../../contracts/draft_tree.ts";
import { unreachable } from "../../messages/actors.ts";
import { fromDefinition } from "../../tokenizer/source.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizer/tokenizer.ts";
import { compileGrammar } from "./compile.ts";
import { Compilers } from "./compilers.ts";
import { forcesShortTexts } from "./forced_length.ts";
import { ForcedTokens } from "./forced_tokens.ts";
import { MaskTable } from "./mask_table.ts";
import {
  ArrayReader,
  type HostReply,
  type HostRequest,
  joinArrays,
  type MaskedHead,
  type MatchHead,
  treeArrays,
} from "./messages.ts";
import { refine, walk } from "./refine.ts";
import { type Allowed, SequenceMatcher } from "./sequence_matcher.ts";
import { TokenSets } from "./token_sets.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { WorkMeter } from "./work_meter.ts";
import { createMatcher, reasonOf } from "./xgrammar.ts";

const NOTHING_ALLOWED = new InvalidRequestError(
  "Cannot go on: the grammar allows none of the model's tokens here",
);
const TOO_SLOW = new InvalidRequestError("Cannot go on: it takes too long to follow the grammar");
/** Time that one sequence may have the others of a step wait, for its drafts and again for its masks. */
const MAX_PART_MS = 2000;

/** Sends a reply. */
export type Reply = (head: HostReply, body?: Uint8Array) => void;

/** A compiled grammar. */
interface Compiled {
  readonly grammar: CompiledGrammar;
  /** Special tokens are text in it. */
  readonly namesSpecials: boolean;
  /** What it leaves no choice about is short enough to be looked for. */
  readonly forcesShort: boolean;
}

/** A sequence that obeys a constraint. */
interface Sequence {
  readonly matcher: SequenceMatcher;
  readonly work: WorkMeter;
}

/** A sequence of a step whose drafts are refined; or not, since something is wrong with it. */
interface Matched {
  readonly sequence: Sequence;
  readonly tree: DraftTree;
  readonly error?: AerieError;
}

/** What may come at the root of a tree and behind its nodes; see {@linkcode HostReply}. */
interface Masks {
  readonly rows: Int32Array;
  readonly mustEnd: Int32Array;
}

/** A vocabulary, its compiled grammars and their matchers. */
export class HostBody {
  readonly #reply: Reply;
  readonly #vocabulary: Vocabulary;
  readonly #compilers: Compilers;
  readonly #sets: TokenSets;
  readonly #forced: ForcedTokens;
  readonly #masks = new MaskTable();
  readonly #grammars = new Map<number, Compiled>();
  readonly #sequences = new Map<number, Sequence>();

  private constructor(tokenizer: Tokenizer, vocabulary: Vocabulary, reply: Reply) {
    this.#reply = reply;
    this.#vocabulary = vocabulary;
    this.#compilers = new Compilers(tokenizer, vocabulary);
    this.#sets = new TokenSets(tokenizer, vocabulary);
    this.#forced = new ForcedTokens(tokenizer, this.#sets, vocabulary.endTokens);
  }

  /** Builds tokenizer and vocabulary. */
  static async load(definition: Uint8Array, vocabulary: Vocabulary, reply: Reply): Promise<HostBody> {
    const { chatTemplate: _, ...source } = fromDefinition(definition);
    const body = new HostBody(loadTokenizer(source), vocabulary, reply);
    await body.#compilers.get([]);
    return body;
  }

  /** Answers a request. */
  async answer(
    request: Exclude<HostRequest, { type: "load" }>,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    switch (request.type) {
      case "compile":
        return await this.#compile(request);
      case "drop":
        this.#grammars.get(request.grammar)?.grammar.dispose();
        this.#grammars.delete(request.grammar);
        return;
      case "open":
        return await this.#open(request);
      case "close":
        this.#sequences.get(request.sequence)?.matcher.dispose();
        this.#sequences.delete(request.sequence);
        return;
      case "match":
        return await this.#match(request.sequences, new ArrayReader(body));
      default:
        unreachable(request);
    }
  }

  async #compile({ grammar: number, source }: Extract<HostRequest, { type: "compile" }>): Promise<void> {
    try {
      const named = this.#compilers.namedIn(source), namesSpecials = named.length > 0;
      const grammar = await compileGrammar(await this.#compilers.get(named), source);
      const compiled: Compiled = { grammar, namesSpecials, forcesShort: forcesShortTexts(source) };
      if (await this.#isEmpty(compiled)) {
        grammar.dispose();
        throw new InvalidRequestError("no output matches it");
      }
      this.#grammars.set(number, compiled);
    } catch (error) {
      const fault = error instanceof InvalidRequestError ? error : new InvalidRequestError(reasonOf(error));
      return this.#reply({ type: "failed", error: toWireError(fault) });
    }
    this.#reply({ type: "compiled" });
  }

  async #isEmpty(compiled: Compiled): Promise<boolean> {
    const matcher = await this.#createMatcher(compiled);
    try {
      return await matcher.allowed() === "none";
    } finally {
      matcher.dispose();
    }
  }

  async #open({ sequence, grammar, thinking }: Extract<HostRequest, { type: "open" }>): Promise<void> {
    const compiled = grammar === undefined ? undefined : this.#grammars.get(grammar)!;
    const matcher = await this.#createMatcher(compiled, thinking);
    this.#sequences.set(sequence, { matcher, work: new WorkMeter() });
  }

  async #createMatcher(
    compiled: Compiled | undefined,
    thinking?: ThinkingConstraint,
  ): Promise<SequenceMatcher> {
    const grammar = compiled && await createMatcher(compiled.grammar, this.#vocabulary.vocabSize);
    const { namesSpecials = false, forcesShort = true } = compiled ?? {};
    return new SequenceMatcher(this.#sets, { grammar, thinking, namesSpecials, forcesShort });
  }

  async #match(heads: readonly MatchHead[], body: ArrayReader): Promise<void> {
    const matched: Matched[] = [];
    for (const head of heads) {
      const tokens = body.ints(head.numTokens), tree = body.tree(head.numNodes);
      const sequence = this.#sequences.get(head.sequence)!;
      const refined = await inTime(sequence, () => this.#refine(sequence.matcher, head, tokens, tree));
      matched.push(
        refined instanceof AerieError ? { sequence, tree, error: refined } : { sequence, tree: refined },
      );
    }
    this.#reply(
      { type: "refined", numNodes: matched.map(({ tree }) => tree.tokens.length) },
      joinArrays(matched.flatMap(({ tree }) => treeArrays(tree))),
    );
    this.#masks.trim();
    const masked: MaskedHead[] = [], rows: Int32Array[] = [];
    for (const { sequence, tree, error } of matched) {
      const masks = error ?? await inTime(sequence, () => this.#masksOf(sequence.matcher, tree));
      if (masks instanceof AerieError) {
        masked.push({ numRows: 0, error: toWireError(masks) });
      } else {
        masked.push({ numRows: masks.rows.length });
        rows.push(masks.rows, masks.mustEnd);
      }
    }
    const { isReset, masks } = this.#masks.takeNew();
    this.#reply(
      { type: "masked", sequences: masked, isReset, numNew: masks.length },
      joinArrays([...rows, ...masks]),
    );
  }

  /** Moves a matcher behind its sequence's output tokens, and refines the drafts behind those. */
  async #refine(
    matcher: SequenceMatcher,
    { numKept, maxNodes }: MatchHead,
    tokens: Int32Array,
    tree: DraftTree,
  ): Promise<DraftTree> {
    matcher.back(matcher.numTokens - numKept);
    if (!tokens.every((token) => matcher.accept(token))) throw NOTHING_ALLOWED;
    return await refine(matcher, tree, { maxNodes, forced: this.#forced });
  }

  /** Masks of root and nodes. */
  async #masksOf(matcher: SequenceMatcher, tree: DraftTree): Promise<Masks> {
    const rows = new Int32Array(tree.tokens.length + 1).fill(-1), mustEnd = new Int32Array(rows.length);
    const set = (row: number, allowed: Allowed) => {
      if (allowed === "any") return;
      const mask = allowed === "none" ? this.#sets.none : allowed;
      rows[row] = this.#masks.numberOf(mask);
      mustEnd[row] = Number(this.#sets.areOnlyEnds(mask));
    };
    const first = await matcher.allowed();
    if (first === "none") throw NOTHING_ALLOWED;
    set(0, first);
    await walk(matcher, tree, async (node) => set(node + 1, await matcher.allowed()));
    return { rows, mustEnd };
  }
}

/**
 * Does a sequence's part of a step. Returns what is wrong with the sequence, also if it has taken too long; its matcher may
 * then be anywhere.
 */
async function inTime<Result>(
  { matcher, work }: Sequence,
  part: () => Promise<Result>,
): Promise<Result | AerieError> {
  if (work.exceeds(matcher.numTokens)) return TOO_SLOW;
  matcher.hurry(performance.now() + MAX_PART_MS, TOO_SLOW);
  try {
    return await work.measure(part);
  } catch (error) {
    if (!(error instanceof AerieError)) throw error;
    return error;
  }
}
