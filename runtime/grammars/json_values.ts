/**
 * Any value of JSON as rules of a grammar, and one value as text.
 *
 * Texts are as Python's `json.dumps` writes them: one space behind commas and colons and no other white space, so that
 * most of what stands between values is forced.
 *
 * @module
 */
import { choice, type Expression, NOTHING, optional, repeat, sequence, text } from "./expression.ts";
import { isObject, type Json } from "./json_bounds.ts";
import { NUMBER } from "./json_numbers.ts";
import { ANY_STRING_TEXT } from "./json_strings.ts";
import type { Rules } from "./rules.ts";

/** Between two members or items. */
export const COMMA: Expression = text(", ");
/** Between a key and its value. */
export const COLON: Expression = text(": ");

/** Any value. */
export function anyValue(rules: Rules): Expression {
  if (!rules.has("value")) {
    rules.set("value", NOTHING);
    const value: Expression = { type: "rule", name: "value" };
    const items = sequence(value, repeat(sequence(COMMA, value), 0));
    rules.set(
      "value",
      choice(
        anyString(rules),
        anyObject(rules),
        sequence(text("["), optional(items), text("]")),
        sharedRule(rules, "number", NUMBER),
        ...["null", "true", "false"].map(text),
      ),
    );
  }
  return { type: "rule", name: "value" };
}

/** Any object. */
export function anyObject(rules: Rules): Expression {
  if (!rules.has("object")) {
    rules.set("object", NOTHING);
    const member = sequence(anyString(rules), COLON, anyValue(rules));
    const members = sequence(member, repeat(sequence(COMMA, member), 0));
    rules.set("object", sequence(text("{"), optional(members), text("}")));
  }
  return { type: "rule", name: "object" };
}

/** Any string. */
export function anyString(rules: Rules): Expression {
  return sharedRule(rules, "string", ANY_STRING_TEXT);
}

/** The rule of that name, which has this body. */
export function sharedRule(rules: Rules, name: string, body: Expression): Expression {
  if (!rules.has(name)) rules.set(name, body);
  return { type: "rule", name };
}

/** A value as `json.dumps` writes it. */
export function writeJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${
    Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${writeJson(each)}`).join(", ")
  }}`;
}
