/**
 * @module
 */
import { strict as assert } from "node:assert";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { choiceSource } from "../../../runtime/grammars/choice.ts";

Deno.test("choice: the grammar has each text, those of a character as a class, and quotes what EBNF reads", () => {
  assert.deepEqual(choiceSource(["yes", "n", "a", 'a"\\\n', ""], "choice"), {
    type: "ebnf",
    grammar: 'root ::= [an] | "yes" | "a\\"\\\\\\u000a" | ""\n',
  });
});

Deno.test("choice: nothing to choose from, half a surrogate pair, and too much text are refused", () => {
  const cases: [texts: string[], param: string][] = [
    [[], "choice"],
    [["a", "\ud800"], "choice[1]"],
    [["a".repeat(60_000), "b".repeat(60_000)], "choice"],
  ];
  for (const [texts, param] of cases) {
    assert.throws(
      () => choiceSource(texts, "choice"),
      (error: unknown) => error instanceof InvalidRequestError && error.details["param"] === param,
    );
  }
});
