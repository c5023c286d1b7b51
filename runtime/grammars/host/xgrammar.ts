/**
 * web-xgrammar as it is used here, and what it does badly.
 *
 * - Nothing in its Wasm heap is collected: every object is disposed of by hand. `compileGrammar(text)` and
 *   `createGrammarMatcher` each leak one object, so a `Grammar` and a stand-in for the compiled grammar are passed.
 * - What it cannot do ends in `abort()`: a `RuntimeError` without a reason, which it printed before. C++ exceptions arrive
 *   as numbers. Nothing is unwound, but the library goes on; a host in which that happened is used for nothing more.
 * - After the stop token a mask and the jump-forward string abort; a token is refused, and `rollBack` leads back.
 * - Masks have bits of their own for tokens without bytes (unset) and behind the vocabulary (set).
 *
 * @module
 */
import { takePrinted } from "./xgrammar_globals.ts";
import "@mlc-ai/web-xgrammar";
import type * as XGrammar from "@mlc-ai/web-xgrammar";

/** The library. */
export const xgrammar: typeof XGrammar =
  (globalThis as unknown as { readonly xgrammar: typeof XGrammar }).xgrammar;

/** Where a printed line comes from, and its kind. */
const PREFIX = /^\[FATAL\] \S+:\d+: (?:Check failed: \(.*?\) is false: )?/;

/** Why the library threw, in its own words where it printed them. */
export function reasonOf(error: unknown): string {
  const fatal = takePrinted().findLast((line) => line.startsWith("[FATAL]"));
  if (fatal !== undefined) return fatal.replace(PREFIX, "").trim();
  return error instanceof Error ? error.message : "xgrammar refused it without a reason";
}

/** A matcher of a compiled grammar; to be disposed of. */
export function createMatcher(
  compiled: XGrammar.CompiledGrammar,
  vocabSize: number,
): Promise<XGrammar.GrammarMatcher> {
  const standIn = { handle: compiled.handle, tokenizerInfo: () => ({ getVocabSize: () => vocabSize }) };
  return xgrammar.GrammarMatcher.createGrammarMatcher(standIn as unknown as XGrammar.CompiledGrammar);
}
