/**
 * Thousands of snippets beside jinja2 itself, set up by transformers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { JinjaError } from "../../../runtime/jinja/errors.ts";
import { Template } from "../../../runtime/jinja/template.ts";
import { askReference, needsReferences } from "../../support/references.ts";
import { CONTEXT, crossedSnippets, handwrittenSnippets } from "./snippets.ts";

type Answer = string | { readonly error: string; readonly message: string };

/** Every so manieth of the crossed snippets is compared in a run of all tests. */
const STRIDE = Deno.env.get("AERIE_JINJA") === "all" ? 1 : 13;
/** The time that the reference takes for now. */
const NOW = new Date(2025, 2, 9, 17, 4, 5, 678);

/** Snippets that differ, with what is made of them here where that says more than the snippet. */
const DIFFERENT: readonly { readonly snippet: RegExp; readonly ours?: string; readonly why: string }[] = [
  { snippet: / \*\* /, ours: "UnsupportedError:", why: "complex numbers are refused" },
  { snippet: /10{22}/, ours: "LimitError:", why: "text and lists have a limit before memory has" },
  { snippet: /'inf'\|float\|int/, why: "jinja2 folds the constant into a name that Python lacks" },
  { snippet: /^\{\{ self /, ours: "UnsupportedError:", why: "refused by name" },
  { snippet: /'<b>'\|safe\)\.join/, ours: "TypeError:", why: "markupsafe joins what str does not" },
  {
    snippet: /\)\[.*\] \}\}$/,
    ours: "TypeError:",
    why: "jinja2 takes a slice that a constant lacks to be undefined",
  },
  { snippet: /'x'\|safe \* missing/, why: "markupsafe asks for a number first" },
  {
    snippet: /map\('string'\)\)\|(replace|title|upper|wordcount|string)/,
    why: "Python writes addresses of generators",
  },
];

function outcome(template: string): string {
  try {
    return new Template(template).render(CONTEXT, { maxLength: 1e6, now: () => NOW });
  } catch (error) {
    if (!(error instanceof JinjaError)) throw new Error(template, { cause: error });
    return `${error.kind}:`;
  }
}

function expected(answer: Answer): string {
  if (typeof answer === "string") return answer;
  // Python's compiler says what this parser says itself.
  return answer.error === "SyntaxError" ? "TemplateSyntaxError:" : `${answer.error}:`;
}

Deno.test({
  name: "jinja: snippets of every filter, test, method and statement are as jinja2 renders them",
  ...await needsReferences("jinja2", "transformers"),
  fn: async () => {
    const crossed = crossedSnippets().filter((_, i) => i % STRIDE === 0);
    const templates = [...crossed, ...handwrittenSnippets()];
    const answers = await askReference("jinja2_render.py", { templates, contexts: [CONTEXT] }) as Answer[];
    const wrong = templates.flatMap((template, i) => {
      const ours = outcome(template), theirs = expected(answers[i]!);
      const isKnown = / at 0x[\da-f]+(>|&gt;)/.test(theirs) ||
        DIFFERENT.some((one) => one.snippet.test(template) && (one.ours ?? ours) === ours);
      return ours === theirs || isKnown ? [] : [{ template, ours, theirs }];
    });
    assert.deepEqual(wrong, []);
  },
});
