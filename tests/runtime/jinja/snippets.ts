/**
 * Snippets of templates for a comparison with jinja2, put together from `tests/golden/jinja2_snippets.json`.
 *
 * @module
 */
import snippets from "../../golden/jinja2_snippets.json" with { type: "json" };

/** Variables of the snippets. */
export const CONTEXT = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi <é> 😀 'q' \"d\"" },
    {
      role: "assistant",
      content: null,
      "tool_calls": [{ function: { name: "f", arguments: { a: 1, b: [1.5, null] } } }],
    },
  ],
  tools: null,
  text: "  Hello, wörld\tИ x  ",
  emoji: "a😀b🇫🇷é",
  list: [3, 1, 2],
  words: ["b", "A", "a", "C"],
  nested: [{ k: "x", n: 2, deep: { v: 1 } }, { k: "y", n: 1, deep: { v: 2 } }, { k: "X", n: 3 }],
  mixed: [1, "a", null, true, 2.5, [1], { a: 1 }],
  dict: { b: 1, a: 2, C: null, items: "own", "two words": [1] },
  number: 7,
  float: 2.5,
  yes: true,
  nothing: null,
};

/** Python would never end a power to this. */
const LARGE = "10000000000000000000000";

const asOutput = (expression: string) => `{{ ${expression} }}`;

/** Every filter, test, method, item and operator on every value. */
export function crossedSnippets(): string[] {
  const { values, filters, tests, methods, items, operands, operators } = snippets;
  const powerless = operators.filter((operator) => operator !== "**");
  const operatorsOf = (right: string) => right === LARGE ? powerless : operators;
  return [
    ...values.flatMap((value) => [value, `[${value}]`, `${value} and 1`, `not ${value}`]),
    ...values.flatMap((value) => filters.map((filter) => `(${value})|${filter}`)),
    ...values.flatMap((value) => tests.map((test) => `(${value}) is ${test}`)),
    ...values.flatMap((value) => methods.map((method) => `(${value}).${method}`)),
    ...values.flatMap((value) => items.map((item) => `(${value})${item}`)),
    ...operands.flatMap((left) =>
      operands.flatMap((right) => operatorsOf(right).map((operator) => `${left} ${operator} ${right}`))
    ),
  ].map(asOutput);
}

/** Expressions and statements that were thought of one by one. */
export function handwrittenSnippets(): string[] {
  return [...[...snippets.formats, ...snippets.expressions].map(asOutput), ...snippets.statements];
}
