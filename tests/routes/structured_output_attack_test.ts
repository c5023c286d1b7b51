/**
 * Hostile values of the fields that say what the output must match.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { FakeGenerator } from "../support/fake_generator.ts";
import { appOf, fault, post } from "../support/http.ts";

/** Schemas with their mistakes, and what is no schema at all. */
const schemas = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue(),
    fc.boolean(),
    fc.record({
      type: fc.constantFrom("object", "array", "string", "integer", "nothing", ["string", "null"], 7, null),
      properties: fc.dictionary(fc.string(), tie("schema")),
      items: fc.oneof(tie("schema"), fc.array(tie("schema"))),
      required: fc.array(fc.string()),
      anyOf: fc.array(tie("schema")),
      allOf: fc.array(tie("schema")),
      enum: fc.array(fc.jsonValue()),
      pattern: fc.string(),
      minItems: fc.integer(),
      maxLength: fc.integer(),
      $ref: fc.constantFrom("#", "#/$defs/a", "#/nowhere", "http://a.example", ""),
      $defs: fc.dictionary(fc.constantFrom("a", "__proto__"), tie("schema")),
    }, { requiredKeys: [] }),
  ),
})).schema;

Deno.test("structured output: no schema, expression or grammar makes the server fail", async () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("(a+)+$", "a{9}{9}{9}", "root ::= root"),
  );
  const fields = fc.record({
    response_format: fc.oneof(
      fc.jsonValue(),
      schemas.map((schema) => ({ type: "json_schema", json_schema: { name: "n", schema } })),
      fc.jsonValue().map((format) => ({ type: "structural_tag", format })),
      fc.array(fc.jsonValue()).map((structures) => ({ type: "structural_tag", structures, triggers: ["a"] })),
    ),
    json_schema: fc.oneof(texts, schemas.map((schema) => JSON.stringify(schema))),
    regex: texts,
    ebnf: texts,
    structural_tag: fc.json(),
    guided_json: fc.oneof(schemas, fc.string()),
    guided_choice: fc.oneof(fc.jsonValue(), fc.array(texts)),
    structured_outputs: fc.oneof(
      fc.jsonValue(),
      schemas.map((json) => ({ json })),
      texts.map((regex) => ({ regex })),
    ),
  }, { requiredKeys: [] });
  const app = appOf(new FakeGenerator(() => [{ finish: { type: "length", length: 0 } }]));
  let numAccepted = 0;
  const one = fields.chain((all) => fc.constantFrom(...Object.entries(all), ["regex", "a"]));
  await fc.assert(
    fc.asyncProperty(one, async ([name, value]) => {
      const response = await post(app, "/v1/completions", { prompt: "x", [name]: value });
      const text = await response.text();
      assert.ok(response.status === 200 || response.status === 400, text);
      if (response.status === 200) numAccepted++;
      else assert.ok(JSON.parse(text).error.param.startsWith(name), text);
    }),
    { numRuns: 60 },
  );
  assert.ok(numAccepted > 5, `${numAccepted} were accepted`);
});

Deno.test("structured output: what takes long to translate is refused by its size", async () => {
  const app = appOf(new FakeGenerator());
  const many = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, value]));
  const cases: [fields: object, param: string][] = [
    [{ guided_json: { type: "object", properties: many(20_000, { type: "string" }) } }, "guided_json"],
    [{ guided_json: { enum: Array.from({ length: 20_000 }, (_, i) => i) } }, "guided_json"],
    [{ json_schema: `{"const":"${"a".repeat(1_000_000)}"}` }, "json_schema"],
    [{ json_schema: '{"items":'.repeat(10_000) + "{}" + "}".repeat(10_000) }, "json_schema"],
    [{ ebnf: `root ::= "${"a".repeat(1_000_000)}"` }, "ebnf"],
    [{ regex: "(a|b)".repeat(10_000) }, "regex"],
    [{ guided_choice: new Array(1000).fill("a".repeat(1000)) }, "guided_choice"],
  ];
  for (const [fields, param] of cases) {
    const error = await fault(app, "/v1/completions", { prompt: "x", ...fields });
    assert.deepEqual([error.status, error.param], [400, param]);
    assert.match(error.message, /too large|nested more than|more than \d+ characters|may have/);
  }
});
