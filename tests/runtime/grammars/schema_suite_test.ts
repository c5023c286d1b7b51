/**
 * The JSON-Schema-Test-Suite of draft 2020-12 as judge: a schema is refused with its place, or ajv takes what its grammar
 * allows. `.ci/run` unpacks the suite from the sources of PyPI's jsonschema into build/json_schema_suite; without it these
 * tests are ignored, but in CI they fail.
 */
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { jsonSchemaSource } from "../../../runtime/grammars/json_schema.ts";
import type { Json } from "../../../runtime/grammars/json_bounds.ts";
import { writeJson } from "../../../runtime/grammars/json_values.ts";
import { compile, randomOf } from "../../support/grammar_walks.ts";

interface Case {
  readonly description: string;
  readonly schema: Json;
  readonly tests: readonly { readonly description: string; readonly data: Json; readonly valid: boolean }[];
}

const folder = join(import.meta.dirname!, "..", "..", "..", "build", "json_schema_suite", "draft2020-12");
const ignore = !existsSync(folder) && !Deno.env.get("CI");
const ajv = new Ajv2020({ strict: false, validateFormats: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);

function readCases(): { name: string; case: Case }[] {
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".json"))
    .sort();
  return files.flatMap((name) =>
    (JSON.parse(Deno.readTextFileSync(join(folder, name))) as Case[]).map((each) => ({ name, case: each }))
  );
}

Deno.test(
  { name: "suite: a schema is refused with its place, or its answers validate", ignore },
  async () => {
    const counts = { refused: 0, enforced: 0, answers: 0, cut: 0, valid: 0, allowed: 0 };
    const random = randomOf(23);
    for (const { name, case: { description, schema, tests } } of readCases()) {
      let source;
      try {
        source = jsonSchemaSource(schema, "schema");
      } catch (error) {
        assert(error instanceof InvalidRequestError, `${name}: ${description}: ${(error as Error).stack}`);
        assert.match(error.message, /at #/, description);
        counts.refused++;
        continue;
      }
      counts.enforced++;
      const validate = ajv.compile(schema as object);
      using grammar = await compile(source);
      for (let i = 0; i < 5; i++) {
        const answer = await grammar.walk(random);
        if (answer === undefined) {
          counts.cut++;
          continue;
        }
        counts.answers++;
        assert(
          validate(JSON.parse(answer)),
          `${name}: ${description}: ${JSON.stringify(schema)} allows ${answer}`,
        );
      }
      for (const { data, valid } of tests) {
        const isAllowed = await grammar.allows(writeJson(data));
        assert(valid || !isAllowed, `${name}: ${description}: allows ${writeJson(data)}`);
        if (valid) counts.valid++;
        if (valid && isAllowed) counts.allowed++;
      }
    }
    // What is narrower than the schema is in docs/structured_output.md: properties that are not named, other orders.
    assert(counts.enforced >= 225 && counts.allowed >= 0.9 * counts.valid, JSON.stringify(counts));
  },
);
