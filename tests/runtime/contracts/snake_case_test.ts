/**
 * @module
 */
import { strict as assert } from "node:assert";
import { inSnakeCase, toCamelCase, toSnakeCase } from "../../../runtime/contracts/snake_case.ts";

Deno.test("names go to snake case and back", () => {
  for (const [camel, snake] of [["maxTotalTokens", "max_total_tokens"], ["port", "port"]] as const) {
    assert.equal(toSnakeCase(camel), snake);
    assert.equal(toCamelCase(snake), camel);
  }
  assert.deepEqual(inSnakeCase({ numSteps: 1, topk: [2] }), { ["num_steps"]: 1, topk: [2] });
});
