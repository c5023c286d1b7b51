/**
 * Grammars as the server translated them, compiled.
 *
 * @module
 */
import type { CompiledGrammar, GrammarCompiler } from "@mlc-ai/web-xgrammar";
import type { GrammarSource } from "../../contracts/constraint.ts";
import { unreachable } from "../../messages/actors.ts";
import { xgrammar } from "./xgrammar.ts";

/** Compiles a grammar; throws what the library throws. */
export async function compileGrammar(
  compiler: GrammarCompiler,
  source: GrammarSource,
): Promise<CompiledGrammar> {
  switch (source.type) {
    case "ebnf": {
      const grammar = await xgrammar.Grammar.fromEBNF(source.grammar);
      try {
        return await compiler.compileGrammar(grammar);
      } finally {
        grammar.dispose();
      }
    }
    case "structural_tag":
      return await compiler.compileStructuralTag(source.tag);
    default:
      return unreachable(source);
  }
}
