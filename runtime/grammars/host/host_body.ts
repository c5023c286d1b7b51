/**
 * What a grammar host does: keeps compiled grammars and the matchers of sequences, and answers the pool's requests.
 *
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";
import type { ThinkingConstraint } from "../../contracts/constraint.ts";
import { InvalidRequestError, toWireError } from "../../contracts/errors.ts";
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

const NOTHING_ALLOWED = "the grammar allows none of the model's tokens here";

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
    const trees: DraftTree[] = [], followed: (Sequence | undefined)[] = [];
    for (const { sequence: number, numKept, numTokens, numNodes, maxNodes } of heads) {
      const sequence = this.#sequences.get(number)!, { matcher, work } = sequence;
      const tokens = body.ints(numTokens), tree = body.tree(numNodes);
      const refined = await work.measure(async () =>
        follow(matcher, numKept, tokens)
          ? await refine(matcher, tree, { maxNodes, forced: this.#forced })
          : undefined
      );
      followed.push(refined && sequence);
      trees.push(refined ?? tree);
    }
    this.#reply(
      { type: "refined", numNodes: trees.map(({ tokens }) => tokens.length) },
      joinArrays(trees.flatMap(treeArrays)),
    );
    this.#masks.trim();
    const masked: MaskedHead[] = [], rows: Int32Array[] = [];
    for (const [i, sequence] of followed.entries()) {
      const tree = trees[i]!, masks = await this.#masksOf(sequence, tree);
      if (typeof masks === "string") {
        masked.push({ numRows: 0, error: toWireError(new InvalidRequestError(`Cannot go on: ${masks}`)) });
      } else {
        masked.push({ numRows: tree.tokens.length + 1 });
        rows.push(masks.rows, masks.mustEnd);
      }
    }
    const { isReset, masks } = this.#masks.takeNew();
    this.#reply(
      { type: "masked", sequences: masked, isReset, numNew: masks.length },
      joinArrays([...rows, ...masks]),
    );
  }

  /** Masks of root and nodes, or what is wrong with the sequence; undefined: it could not be followed. */
  async #masksOf(sequence: Sequence | undefined, tree: DraftTree): Promise<Masks | string> {
    if (sequence === undefined) return NOTHING_ALLOWED;
    const { matcher, work } = sequence;
    if (work.exceeds(matcher.numTokens)) return "it takes too long to follow the grammar";
    return await work.measure(() => this.#masksAt(matcher, tree)) ?? NOTHING_ALLOWED;
  }

  /** Masks of root and nodes; undefined if nothing may come at the root. */
  async #masksAt(matcher: SequenceMatcher, tree: DraftTree): Promise<Masks | undefined> {
    const rows = new Int32Array(tree.tokens.length + 1).fill(-1), mustEnd = new Int32Array(rows.length);
    const set = (row: number, allowed: Allowed) => {
      if (allowed === "any") return;
      const mask = allowed === "none" ? this.#sets.none : allowed;
      rows[row] = this.#masks.numberOf(mask);
      mustEnd[row] = Number(this.#sets.areOnlyEnds(mask));
    };
    const first = await matcher.allowed();
    if (first === "none") return undefined;
    set(0, first);
    await walk(matcher, tree, async (node) => set(node + 1, await matcher.allowed()));
    return { rows, mustEnd };
  }
}

/** Moves a matcher behind a sequence's output tokens; false if they are none that it allows. */
function follow(matcher: SequenceMatcher, numKept: number, tokens: Int32Array): boolean {
  matcher.back(matcher.numTokens - numKept);
  return tokens.every((token) => matcher.accept(token));
}
