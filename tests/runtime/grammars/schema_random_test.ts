/** Random schemas of all keywords: each is refused with its place, or ajv takes what its grammar allows. */
import { strict as assert } from "node:assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { jsonSchemaSource } from "../../../runtime/grammars/json_schema.ts";
import { stringFormats } from "../../../runtime/grammars/schema_formats.ts";
import { compile, randomOf } from "../../support/grammar_walks.ts";

type Schema = Record<string, unknown> | boolean;

const names = fc.constantFrom("a", "b", "ab", "é", 'a"b', "x\ny", "");
const values = fc.constantFrom(null, true, 0, 1, -2, 2.5, 1e20, "", "a", 'q"\\\n', "中", [], [1, "a"], {}, {
  a: 1,
});
const bound = fc.constantFrom(-12.5, -3, -1, 0, 0.5, 1, 2.25, 3, 10, 99, 12345);
const count = fc.integer({ min: 0, max: 4 });
const patterns = fc.constantFrom(
  "^a",
  "b$",
  "^[a-c]{2,4}$",
  "x|^y",
  "^\\w+$",
  '["\\\\]',
  "é.",
  "^(ab)*$",
  "^$",
  "[^a]",
);
const formats = fc.constantFrom(...stringFormats, "int32", "double", "password");

/** A record of up to three of these keywords. */
function some(keywords: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.subarray(Object.keys(keywords), { maxLength: Math.min(3, Object.keys(keywords).length) })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, keywords[name]!]))));
}

const { schema } = fc.letrec<{ schema: Schema; combined: Record<string, unknown> }>((tie) => {
  const inner = tie("schema"), list = fc.array(inner, { minLength: 1, maxLength: 3 });
  const record = (keys: fc.Arbitrary<string>) => fc.dictionary(keys, inner, { maxKeys: 3 });
  const types = fc.constantFrom("string", "number", "integer", "boolean", "null", "array", "object");
  const strings = some({
    minLength: count,
    maxLength: fc.constantFrom(0, 2, 5, 80),
    pattern: patterns,
    format: formats,
  });
  const numbers = some({
    minimum: bound,
    maximum: bound,
    exclusiveMinimum: bound,
    exclusiveMaximum: bound,
    multipleOf: fc.constantFrom(1, 2, 3, 5, 10, 0.5),
  });
  const arrays = some({
    items: inner,
    prefixItems: list,
    minItems: count,
    maxItems: count,
    uniqueItems: fc.boolean(),
  });
  const objects = some({
    properties: record(names),
    required: fc.uniqueArray(names, { maxLength: 2 }),
    additionalProperties: inner,
    patternProperties: record(patterns),
    propertyNames: fc.oneof(fc.constant({ maxLength: 3 }), patterns.map((pattern) => ({ pattern })), inner),
    minProperties: count,
    maxProperties: count,
    dependentRequired: fc.dictionary(names, fc.uniqueArray(names, { maxLength: 2 }), { maxKeys: 2 }),
  });
  const typed = fc.oneof(
    strings.map((keywords) => ({ type: "string", ...keywords })),
    numbers.map((keywords) => ({ type: "number", ...keywords })),
    arrays.map((keywords) => ({ type: "array", ...keywords })),
    objects.map((keywords) => ({ type: "object", ...keywords })),
  );
  return {
    combined: fc.oneof(
      { weight: 3, arbitrary: some({ anyOf: list }) },
      { weight: 1, arbitrary: some({ allOf: list }) },
      { weight: 2, arbitrary: some({ oneOf: list }) },
      { weight: 1, arbitrary: some({ not: inner }) },
      { weight: 1, arbitrary: some({ if: inner, then: inner, else: inner }) },
      { weight: 1, arbitrary: some({ dependentSchemas: record(names) }) },
    ),
    schema: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.constantFrom<Schema>(true, {}, true, false),
      fc.constantFrom({ $ref: "#" }, { $ref: "#/$defs/other" }),
      values.map((value) => ({ const: value })),
      fc.array(values, { minLength: 1, maxLength: 4 }).map((list) => ({ enum: list })),
      fc.uniqueArray(types, { minLength: 1, maxLength: 2 }).map((type) => ({ type })),
      typed,
      typed,
      typed,
      fc.tuple(typed, tie("combined")).map(([one, two]) => ({ ...one, ...two })),
      tie("combined"),
      fc.tuple(strings, numbers, arrays, objects).map((all) => Object.assign({}, ...all)),
      fc.tuple(typed, fc.array(values, { minLength: 1, maxLength: 4 })).map(([one, list]) => ({
        ...one,
        enum: list,
      })),
    ),
  };
});

Deno.test("500 random schemas are refused with their place, or their answers validate", async () => {
  const counts = { refused: 0, enforced: 0, answers: 0, cut: 0 };
  const root = fc.tuple(schema.filter((each) => typeof each !== "boolean"), schema, fc.integer());
  await fc.assert(
    fc.asyncProperty(root, async ([schema, other, seed]) => {
      const whole = { ...(schema as Record<string, unknown>), $defs: { other } };
      let source;
      try {
        source = jsonSchemaSource(whole, "schema");
      } catch (error) {
        assert(error instanceof InvalidRequestError, (error as Error).stack);
        assert.match(error.message, /at #/);
        counts.refused++;
        return;
      }
      counts.enforced++;
      const ajv = new Ajv2020({ strict: false });
      (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
      let validate: ReturnType<typeof ajv.compile>;
      try {
        validate = ajv.compile(whole);
      } catch (error) {
        assert(error instanceof RangeError, String(error));
        return; // ajv follows a reference to itself without an end; no value reaches it.
      }
      using grammar = await compile(source);
      const random = randomOf(seed);
      for (let i = 0; i < 4; i++) {
        const answer = await grammar.walk(random, 240);
        if (answer === undefined) {
          counts.cut++;
          continue;
        }
        counts.answers++;
        assert(validate(JSON.parse(answer)), `${JSON.stringify(whole)} allows ${answer}`);
      }
    }),
    { numRuns: 500, seed: 5 },
  );
  assert(counts.enforced > 300 && counts.answers > 1000, JSON.stringify(counts));
});
