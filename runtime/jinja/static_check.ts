/**
 * What can be said of a template before it is rendered: filters and tests that do not exist, and what this interpreter
 * does not do.
 *
 * @module
 */
import { UNSUPPORTED_METHODS } from "./attributes.ts";
import { JinjaError } from "./errors.ts";
import { isTestName } from "./evaluator.ts";
import { filters, UNSUPPORTED_FILTERS } from "./filters.ts";
import { UNSUPPORTED_GLOBALS } from "./globals.ts";
import type { Expression, Statement } from "./syntax.ts";
import { walk } from "./walk.ts";

/** Filters that apply another one, or a test, whose name they are given at this place. */
const APPLY: ReadonlyMap<string, readonly [kind: "filter" | "test", at: number]> = new Map([
  ["map", ["filter", 0]],
  ["select", ["test", 0]],
  ["reject", ["test", 0]],
  ["selectattr", ["test", 1]],
  ["rejectattr", ["test", 1]],
]);

/**
 * Refuses a template that cannot be rendered.
 *
 * @throws {JinjaError} TemplateAssertionError for what jinja2 lacks too, UnsupportedError for what is only missing here
 */
export function checkTemplate(body: readonly Statement[]): void {
  walk(body, { expression: checkExpression });
}

function checkExpression(node: Expression, isSoft: boolean): void {
  switch (node.type) {
    case "Filter": {
      checkFilter(node.name, isSoft);
      const applied = APPLY.get(node.name);
      if (applied === undefined) return;
      const [kind, at] = applied, name = node.args.positional[at];
      if (kind === "filter" && name?.type === "Const") checkFilter(String(name.value), true);
      return;
    }
    case "Test":
      if (!isTestName(node.name) && !isSoft) {
        throw new JinjaError("TemplateAssertionError", `No test named '${node.name}'.`);
      }
      return;
    case "Name":
      if (UNSUPPORTED_GLOBALS.has(node.name)) throw unsupported(`the variable '${node.name}'`);
      return;
    case "Call":
      if (node.callee.type === "Getattr" && UNSUPPORTED_METHODS.has(node.callee.name)) {
        throw unsupported(`the method '${node.callee.name}'`);
      }
  }
}

function checkFilter(name: string, isSoft: boolean): void {
  if (filters.has(name)) return;
  if (UNSUPPORTED_FILTERS.has(name)) throw unsupported(`the filter '${name}'`);
  if (!isSoft) throw new JinjaError("TemplateAssertionError", `No filter named '${name}'.`);
}

function unsupported(what: string): JinjaError {
  return new JinjaError("UnsupportedError", what);
}
