/**
 * Random schemas and regular expressions on models of random weights, under speculation: every answer that ends is one of
 * the grammar's, whatever the model would rather say.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { AerieError } from "../../../runtime/contracts/errors.ts";
import { jsonSchemaSource } from "../../../runtime/grammars/json_schema.ts";
import { regexSource } from "../../../runtime/grammars/regex.ts";
import { regexes, type Schema, schemas } from "../../support/generated_schemas.ts";
import type { GrammarCase } from "../../support/grammar_cases.ts";
import { shapeArgs, start } from "../../support/law.ts";
import { collect, requestOf } from "../../support/test_engine.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";

/** Token of byte 0. */
const FIRST_BYTE = 3;
const NUM_SCHEMAS = 500, NUM_REGEXES = 60;

/**
 * Makes bytes that are no character alone as unlikely as they are for a trained model. xgrammar's negated classes let any of
 * them follow another, so that a model of random weights and single bytes would write texts that are no UTF-8.
 */
const CHARACTERS_ONLY = Array.from({ length: 128 }, (_, i) => [FIRST_BYTE + 128 + i, -100] as const);

/** The case of a schema; undefined if it is refused, which must be the client's fault. */
function caseOf(name: string, make: () => GrammarCase): GrammarCase | undefined {
  try {
    return make();
  } catch (error) {
    assert.ok(error instanceof AerieError && error.code === "invalid_request", `${name}: ${error}`);
    return undefined;
  }
}

function schemaCase(schema: Schema): GrammarCase | undefined {
  const name = JSON.stringify(schema), ajv = new Ajv2020({ strict: false });
  return caseOf(name, () => ({
    name,
    constraint: { grammar: jsonSchemaSource(schema, "json_schema"), param: "json_schema" },
    check: (text) => assert.ok(ajv.validate(schema, JSON.parse(text)), text),
  }));
}

function regexCase(pattern: string): GrammarCase | undefined {
  return caseOf(pattern, () => ({
    name: pattern,
    constraint: { grammar: regexSource(pattern, "regex"), param: "regex" },
    check: (text) => assert.match(text, new RegExp(`^(?:${pattern})$`, "su")),
  }));
}

/** Runs all cases on a model, 32 at once; returns how many answers ended. */
async function run(cases: readonly GrammarCase[], seed: number): Promise<number> {
  const folder = await Deno.makeTempDir();
  const path = await writeTinyModel(folder, { kind: "gguf", seed, config: { numLayers: 1 } });
  const target = await openCheckpoint(await resolveModel(path));
  let numWhole = 0;
  {
    await using engine = await start({ target }, {
      speculativeAlgorithm: "NGRAM",
      ...shapeArgs([3, 2, 8]),
      maxRunningRequests: 32,
      maxQueuedRequests: cases.length,
      maxTotalTokens: 8192,
    });
    await Promise.all(cases.map(async ({ name, constraint, check }, i) => {
      const temperature = i % 3 === 0 ? 0 : 1;
      const sampling = { seed: i, temperature, maxTokens: 120, logitBias: CHARACTERS_ONLY };
      const request = requestOf(`r${i}`, [1, 3 + i % 200], sampling);
      const { text, finish } = await collect(engine.generate({ ...request, constraint }));
      if (finish?.type !== "stop") return;
      numWhole++;
      try {
        check(text);
      } catch (error) {
        assert.fail(`${name}: ${error}`);
      }
    }));
  }
  await Deno.remove(folder, { recursive: true });
  return numWhole;
}

Deno.test("answers by generated schemas and regular expressions are what they say", async () => {
  const made = [
    ...fc.sample(schemas, NUM_SCHEMAS).map(schemaCase),
    ...fc.sample(regexes, NUM_REGEXES).map(regexCase),
  ].filter((one) => one !== undefined);
  assert.ok(made.length > 0.9 * (NUM_SCHEMAS + NUM_REGEXES), `only ${made.length} are not refused`);
  const half = Math.ceil(made.length / 2);
  const numWhole = await run(made.slice(0, half), 7) + await run(made.slice(half), 8);
  assert.ok(numWhole > 0.9 * made.length, `only ${numWhole} of ${made.length} end`);
});
