/**
 * Grammars as clients ask for them, compiled.
 *
 * @module
 */
import type { CompiledGrammar, Grammar, GrammarCompiler } from "@mlc-ai/web-xgrammar";
import type { GrammarSource } from "../../contracts/constraint.ts";
import { unreachable } from "../../messages/actors.ts";
import { xgrammar } from "./xgrammar.ts";

const ANY_OBJECT = JSON.stringify({ type: "object" });

/**
 * Compiles a grammar; throws what the library throws. JSON is written as Python's `json.dumps` writes it: `, ` and `: `
 * between its parts, no other whitespace, no line breaks. That is the form that chat templates show models, nobody can
 * fill an answer with blanks, and most of an answer's text is forced, which costs no forward of its own.
 */
export async function compileGrammar(
  compiler: GrammarCompiler,
  source: GrammarSource,
): Promise<CompiledGrammar> {
  switch (source.type) {
    case "json_object":
      return await compiled(compiler, await jsonGrammar(ANY_OBJECT));
    case "json_schema":
      return await compiled(compiler, await jsonGrammar(source.schema));
    case "ebnf":
      return await compiled(compiler, await xgrammar.Grammar.fromEBNF(source.grammar));
    case "structural_tag":
      return await compiler.compileStructuralTag(await withGrammars(source.tag));
    default:
      return unreachable(source);
  }
}

async function compiled(compiler: GrammarCompiler, grammar: Grammar): Promise<CompiledGrammar> {
  try {
    return await compiler.compileGrammar(grammar);
  } finally {
    grammar.dispose();
  }
}

/** Properties and items that the schema does not speak of are left out, as in SGLang: they are allowed, not asked for. */
function jsonGrammar(schema: string): Promise<Grammar> {
  return xgrammar.Grammar.fromJSONSchema(schema, false, -1, undefined, true);
}

/** A structural tag whose schemas are grammars: the library gives those schemas whitespace without a bound. */
async function withGrammars(tag: string): Promise<string> {
  const schemas = new Set<string>();
  visit(JSON.parse(tag), (format) => {
    if (isSchemaFormat(format)) schemas.add(JSON.stringify(format.json_schema));
    return format;
  });
  const grammars = new Map<string, string>();
  for (const schema of schemas) {
    const grammar = await jsonGrammar(schema);
    grammars.set(schema, grammar.toString());
    grammar.dispose();
  }
  return JSON.stringify(
    visit(
      JSON.parse(tag),
      (format) =>
        isSchemaFormat(format)
          ? { type: "grammar", grammar: grammars.get(JSON.stringify(format.json_schema)) }
          : format,
    ),
  );
}

interface SchemaFormat {
  readonly type: "json_schema";
  readonly "json_schema": unknown;
}

function isSchemaFormat(value: object): value is SchemaFormat {
  return "json_schema" in value && (value as { readonly type?: unknown }).type === "json_schema";
}

/** A copy of JSON in which every object is replaced by what `change` makes of it; what it replaces is not entered. */
function visit(value: unknown, change: (object: object) => object): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => visit(item, change));
  const changed = change(value);
  if (changed !== value || isSchemaFormat(value)) return changed;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, visit(part, change)]));
}
