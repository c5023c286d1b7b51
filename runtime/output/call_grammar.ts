/**
 * Grammars of answers that call tools: a structural tag, in the terms of xgrammar, in the form that a model writes.
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import type { WrittenCalls } from "./call_format.ts";

/** A tool and the grammar of its arguments, in EBNF. */
export interface CallableTool {
  readonly name: string;
  readonly grammar: string;
}

/** What an answer may be besides calls. */
export interface CallGrammarOptions {
  /** The answer is calls and nothing else. */
  readonly isRequired: boolean;
  /** It may have several calls. */
  readonly isParallel: boolean;
  /** What an answer without calls matches; undefined: anything, and text may stand around calls. */
  readonly content?: GrammarSource | undefined;
}

type Format = Readonly<Record<string, unknown>>;

/** The grammar of an answer that may, or must, call some of `tools`, at least one. */
export function callGrammar(
  written: WrittenCalls,
  tools: readonly CallableTool[],
  { isRequired, isParallel, content }: CallGrammarOptions,
): GrammarSource {
  const tags = callTags(written, tools, isParallel);
  if (isRequired && tags.length === 1) return toSource(tags[0]!);
  if (!isRequired && content !== undefined) {
    return toSource({ type: "or", elements: [contentFormat(content), ...tags] });
  }
  return toSource({
    type: "triggered_tags",
    triggers: [written.trigger],
    tags,
    at_least_one: isRequired,
    "stop_after_first": !isParallel,
  });
}

/** Calls with nothing around: a list of them, or for a form whose lists have no end a tag for each tool. */
function callTags(
  { begin, call, callEnd, separator, end }: WrittenCalls,
  tools: readonly CallableTool[],
  isParallel: boolean,
): Format[] {
  const single = (begin: string, { name, grammar }: CallableTool) =>
    tag(begin + call(name), { type: "grammar", grammar }, callEnd);
  if (end === "") return tools.map((tool) => single(begin, tool));
  const list = {
    type: "tags_with_separator",
    tags: tools.map((tool) => single("", tool)),
    separator,
    "at_least_one": true,
    "stop_after_first": !isParallel,
  };
  return [tag(begin, list, end)];
}

function tag(begin: string, content: Format, end: string): Format {
  return { type: "tag", begin, content, end };
}

function contentFormat(source: GrammarSource): Format {
  switch (source.type) {
    case "ebnf":
      return { type: "grammar", grammar: source.grammar };
    case "structural_tag":
      return JSON.parse(source.tag).format;
  }
}

function toSource(format: Format): GrammarSource {
  return { type: "structural_tag", tag: JSON.stringify({ type: "structural_tag", format }) };
}
