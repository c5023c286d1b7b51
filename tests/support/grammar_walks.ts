/**
 * Grammars compiled by web-xgrammar over a small vocabulary of characters, random texts that they allow, and whether they
 * allow a text.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { GrammarSource } from "../../runtime/contracts/constraint.ts";
import { compileGrammar } from "../../runtime/grammars/host/compile.ts";
import { reasonOf, xgrammar } from "../../runtime/grammars/host/xgrammar.ts";

/** Single characters of ASCII, some beyond it that UTF-8 writes with two, three and four bytes, and a few longer tokens. */
const TOKENS = [
  "\t",
  "\n",
  "\r",
  ...Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)),
  ..."éßΩ\u00a0あ中\u2028\u3000\ufeff€😀𝒳",
  '": ',
  '", "',
  "true",
  "null",
  "ab",
  "12",
  "aé",
];
const END = TOKENS.length;

/** A compiled grammar; to be disposed of. */
export interface CompiledGrammar extends Disposable {
  /**
   * A random text that the grammar allows; undefined if it did not end within `maxTokens`. From a third of them on what
   * ends soonest is preferred.
   */
  walk(random: () => number, maxTokens?: number): Promise<string | undefined>;
  /** Whether the grammar allows a text. */
  allows(text: string): Promise<boolean>;
}

const tokenizer = await xgrammar.TokenizerInfo.createTokenizerInfo(
  [...TOKENS, "</s>"],
  "raw",
  false,
  END + 1,
  [END],
);

/** Compiles a grammar; throws an Error that says why it cannot be. */
export async function compile(source: GrammarSource): Promise<CompiledGrammar> {
  const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(tokenizer, false);
  let compiled: Awaited<ReturnType<typeof compileGrammar>>;
  try {
    compiled = await compileGrammar(compiler, source);
  } catch (error) {
    throw new Error(`Cannot compile: ${reasonOf(error)}\n${JSON.stringify(source)}`);
  } finally {
    compiler.dispose();
  }
  const matcher = await xgrammar.GrammarMatcher.createGrammarMatcher(compiled);
  const allowed = async () => {
    const mask = await matcher.getNextTokenBitmask();
    return Array.from({ length: END + 1 }, (_, token) => token).filter((token) =>
      mask[token >> 5]! & (1 << (token & 31))
    );
  };
  return {
    async walk(random, maxTokens = 400) {
      matcher.reset();
      let text = "";
      for (let i = 0; i < maxTokens; i++) {
        const tokens = await allowed();
        assert(tokens.length > 0, `No token may follow ${JSON.stringify(text)}`);
        const token = choose(tokens, random, i > maxTokens / 3);
        if (token === END) return text;
        assert(
          matcher.acceptToken(token),
          `${TOKENS[token]} is in the mask and is not accepted after ${text}`,
        );
        text += TOKENS[token];
      }
      return undefined;
    },
    async allows(text) {
      matcher.reset();
      return matcher._acceptString(text) && (await allowed()).includes(END);
    },
    [Symbol.dispose]() {
      matcher.dispose();
      compiled.dispose();
    },
  };
}

/** What ends soonest comes first. */
const PREFERRED = [
  TOKENS.length,
  ...Array.from('}]"0123456789ntfabcdef:-. ', (char) => TOKENS.indexOf(char)),
];

function choose(tokens: readonly number[], random: () => number, isLate: boolean): number {
  const any = tokens[Math.floor(random() * tokens.length)]!;
  if (isLate && random() < 0.9) return PREFERRED.find((token) => tokens.includes(token)) ?? any;
  if (tokens.includes(END) && random() < 0.3) return END;
  // Quotes and brackets that close, so that strings and lists are of all lengths.
  const closing = tokens.filter((token) => ['"', "]", "}"].includes(TOKENS[token]!));
  return closing.length > 0 && random() < 0.25 ? closing[Math.floor(random() * closing.length)]! : any;
}

/** Numbers from 0 to 1 that a seed determines. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
