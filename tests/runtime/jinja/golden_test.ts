/**
 * Snippets with what Python's jinja2 3.1.6 makes of them, from `tests/golden/jinja2.jsonl`: its first line is the
 * context, the others are a template each with the expected text or the class of the error.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { JinjaError } from "../../../runtime/jinja/errors.ts";
import { Template } from "../../../runtime/jinja/template.ts";

interface Case {
  readonly template: string;
  readonly expected?: string;
  readonly error?: string;
}

/** What is not as jinja2 has it, and why. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  // A chat template has no HTML to escape; refused when it is loaded.
  ["{% autoescape true %}{{ '<' }}{% endautoescape %}", "UnsupportedError"],
  // transformers adds this tag to jinja2.
  ["{{ c is defined }}{% generation %}x{% endgeneration %}", "Falsex"],
]);

const path = join(import.meta.dirname!, "..", "..", "golden", "jinja2.jsonl");
const [first, ...cases] = Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
const { context } = first;

function outcome(template: string): string {
  try {
    return new Template(template).render(context, { maxLength: 1e6 });
  } catch (error) {
    assert.ok(error instanceof JinjaError, `${template}: ${error}`);
    return error.kind;
  }
}

Deno.test("jinja: all snippets come out as jinja2 renders them", () => {
  for (const { template, expected, error } of cases as Case[]) {
    assert.equal(outcome(template), EXCEPTIONS.get(template) ?? expected ?? error, template);
  }
});
