/**
 * A matcher of fake grammars, which are functions of tokens: it says at once what real ones say a little later, and throws, and
 * so crashes, on any message that breaks the matcher's contract.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Actor } from "../../runtime/actor/actor.ts";
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import { type DraftTree, emptyTree, pathTokens } from "../../runtime/contracts/draft_tree.ts";
import { InvalidRequestError, toWireError } from "../../runtime/contracts/errors.ts";
import type { MatcherMessage } from "../../runtime/messages/actors.ts";
import type {
  Compiled,
  Masked,
  Match,
  MatchRequest,
  Refined,
  SequenceMasks,
} from "../../runtime/messages/matcher.ts";
import { type FakeGrammar, grammarOf, refine } from "./fake_grammar.ts";

/** How a fake matcher behaves. */
export interface FakeMatcherOptions {
  readonly vocabSize: number;
  readonly endToken: number;
  /** Tokens after which every grammar ends. */
  readonly maxLength?: number;
  /** Whether a constraint cannot be compiled. */
  readonly refuses?: (constraint: OutputConstraint) => boolean;
  /** Whether the matcher of a request is lost when it has so many output tokens. */
  readonly loses?: (requestId: string, numTokens: number) => boolean;
  /** Told of every step. */
  readonly onMatch?: (match: Match, refined: Refined) => void;
}

interface FakeSequence {
  readonly grammar: FakeGrammar;
  output: readonly number[];
}

/** Makes the fake. */
export function fakeMatcher(options: FakeMatcherOptions): Actor<unknown, void, MatcherMessage> {
  const sequences = new Map<string, FakeSequence>();
  const numWords = Math.ceil(options.vocabSize / 32);

  const read = ({ requestId, numBefore, tokens }: MatchRequest): FakeSequence => {
    const sequence = sequences.get(requestId);
    assert.ok(sequence, `${requestId} is matched before it is compiled, or after it was forgotten`);
    const { output } = sequence, end = numBefore + tokens.length;
    assert.ok(numBefore <= output.length && end >= output.length, `${requestId} skips or forgets tokens`);
    const known = output.slice(numBefore);
    assert.deepEqual([...tokens.subarray(0, known.length)], known, `${requestId} says something else now`);
    sequence.output = [...output.slice(0, numBefore), ...tokens];
    return sequence;
  };

  const masksOf = ({ grammar, output }: FakeSequence, tree: DraftTree, words: number[]): SequenceMasks => {
    const rows = [-1, ...tree.tokens.keys()].map((node) => grammar([...output, ...pathTokens(tree, node)]));
    const numbers = rows.map((allowed) => {
      if (allowed === undefined) return -1;
      const mask = new Array<number>(numWords).fill(0);
      for (const token of allowed) mask[token >> 5] = (mask[token >> 5]! | 1 << (token & 31)) >>> 0;
      words.push(...mask);
      return words.length / numWords - 1;
    });
    const mustEnd = rows.map((allowed) =>
      Number(allowed?.every((token) => token === options.endToken) ?? false)
    );
    return { rows: Int32Array.from(numbers), mustEnd: Uint8Array.from(mustEnd) };
  };

  const match = (message: Match): [Refined, Masked] => {
    const { step, requests } = message, words: number[] = [];
    const answers = requests.map((request) => {
      const sequence = read(request);
      if (options.loses?.(request.requestId, sequence.output.length)) {
        const error = toWireError(new InvalidRequestError("Cannot go on: its matcher is lost"));
        const masks = { rows: new Int32Array(0), mustEnd: new Uint8Array(0), error };
        return { tree: emptyTree, masks };
      }
      const tree = refine(sequence.grammar, sequence.output, request.tree, request.maxNodes);
      return { tree, masks: masksOf(sequence, tree, words) };
    });
    return [
      { type: "refined", step, trees: answers.map(({ tree }) => tree) },
      {
        type: "masked",
        step,
        sequences: answers.map(({ masks }) => masks),
        words: Uint32Array.from(words),
      },
    ];
  };

  return {
    name: "matcher",
    start() {},
    receive(message, { send }) {
      switch (message.type) {
        case "compile": {
          const { requestId, constraint } = message;
          assert.ok(!sequences.has(requestId), `${requestId} is compiled twice`);
          const error = options.refuses?.(constraint) &&
            toWireError(new InvalidRequestError("Cannot compile grammar: it is refused", constraint.param));
          if (!error) sequences.set(requestId, { grammar: grammarOf(constraint, options), output: [] });
          const compiled: Compiled = { type: "compiled", requestId, ...(error && { error }) };
          return send("scheduler", compiled);
        }
        case "forget":
          sequences.delete(message.requestId);
          return;
        case "match": {
          const [refined, masked] = match(message);
          options.onMatch?.(message, refined);
          send("verifier", refined);
          return send("verifier", masked);
        }
      }
    },
    stop() {},
  };
}
