import { strict as assert } from "node:assert";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { z } from "zod";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../../runtime/grammars/json_schema.ts";
import { stringFormats } from "../../../runtime/grammars/schema_formats.ts";
import * as keywords from "../../../runtime/grammars/schema_keywords.ts";
import { compile, randomOf } from "../../support/grammar_walks.ts";

const ajv = new Ajv2020({ strict: false });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);

const quoted = (length: number) => `"${"é".repeat(length)}"`;

/** Schemas with texts that their grammars allow and texts that they do not. */
const ENFORCED: readonly { schema: unknown; allows: readonly string[]; forbids: readonly string[] }[] = [
  {
    schema: { type: "integer", minimum: -3, maximum: 12 },
    allows: ["-3", "0", "12"],
    forbids: ["-4", "13", "-0", "01"],
  },
  {
    schema: { type: "number", exclusiveMinimum: 0, maximum: 1.5 },
    allows: ["0.1", "1.5", "1"],
    forbids: ["0", "0.0", "1.51"],
  },
  { schema: { type: "number" }, allows: ["-1.5e3", "0"], forbids: ["1e999", "+1", ".5", "1."] },
  { schema: { type: "integer", multipleOf: 5 }, allows: ["0", "5", "-10", "1235"], forbids: ["3", "52"] },
  {
    schema: { type: "string", minLength: 2, maxLength: 3 },
    allows: ['"ab"', '"😀é"'],
    forbids: ['"a"', '"abcd"'],
  },
  { schema: { type: "string", minLength: 1 }, allows: ['"a"', '"\\n\\"b"'], forbids: ['""'] },
  {
    schema: { type: "string", minLength: 17, maxLength: 33 },
    allows: [quoted(17), quoted(32), quoted(33)],
    forbids: [quoted(16), quoted(34)],
  },
  {
    schema: { type: "string", minLength: 3, maxLength: 700 },
    allows: [quoted(3), quoted(700)],
    forbids: [quoted(2), quoted(701)],
  },
  {
    schema: { type: "string", maxLength: 300 },
    allows: ['""', `"${"a".repeat(300)}"`],
    forbids: [`"${"a".repeat(301)}"`],
  },
  { schema: { type: "string", pattern: "b" }, allows: ['"abc"', '"b"'], forbids: ['"ac"'] },
  {
    schema: { pattern: "^b", maxLength: 3, type: "string" },
    allows: ['"b"', '"bcd"'],
    forbids: ['"abc"', '"bcde"'],
  },
  {
    schema: { type: "string", format: "date", pattern: "^20" },
    allows: ['"2024-02-29"'],
    forbids: ['"2023-02-29"', '"1999-01-01"'],
  },
  { schema: { type: "string", pattern: '^"\\n$' }, allows: ['"\\"\\n"'], forbids: ['""\n"'] },
  {
    schema: { enum: [1, "a", null, { b: [1] }] },
    allows: ["1", '"a"', "null", '{"b": [1]}'],
    forbids: ["2", '"b"'],
  },
  { schema: { enum: [1, 2, "x"], type: "integer", minimum: 2 }, allows: ["2"], forbids: ["1", '"x"'] },
  { schema: { type: ["string", "null"] }, allows: ['"a"', "null"], forbids: ["1"] },
  { schema: { type: "string", nullable: true }, allows: ['"a"', "null"], forbids: ["1"] },
  {
    schema: { type: "object", properties: { a: { type: "integer" }, b: {} }, required: ["b"] },
    allows: ['{"a": 1, "b": 2}', '{"b": {"c": [true]}}'],
    forbids: ["{}", '{"a": 1}', '{"b": 1, "a": 1}', '{"b": 1, "c": 1}', '{"a":1,"b":2}'],
  },
  { schema: { type: "object", properties: {} }, allows: ["{}"], forbids: ['{"a": 1}'] },
  { schema: { type: "object" }, allows: ["{}", '{"a": 1}'], forbids: ["[]"] },
  { schema: { type: "object", required: ["a"] }, allows: ['{"a": 1}'], forbids: ["{}"] },
  {
    schema: {
      type: "object",
      properties: { ab: { type: "null" } },
      additionalProperties: { type: "integer" },
    },
    allows: ['{"ab": null, "a": 1, "abc": 2}', '{"b": 1}'],
    forbids: ['{"ab": 1}', '{"b": null}'],
  },
  {
    schema: { type: "object", properties: { a: {}, b: {}, c: {} }, minProperties: 2, maxProperties: 2 },
    allows: ['{"a": 1, "c": 2}', '{"b": 1, "c": 2}'],
    forbids: ['{"a": 1}', '{"a": 1, "b": 1, "c": 1}'],
  },
  {
    schema: { type: "object", patternProperties: { "^x": { type: "integer" } }, additionalProperties: false },
    allows: ['{"x1": 1, "x2": 2}'],
    forbids: ['{"y": 1}', '{"x1": "a"}'],
  },
  {
    schema: {
      type: "object",
      propertyNames: { enum: ["a", "b"] },
      additionalProperties: { type: "integer" },
    },
    allows: ['{"a": 1}', '{"a": 1, "b": 2}'],
    forbids: ['{"c": 1}'],
  },
  {
    schema: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 2 },
    allows: ["[1]", "[1, 2]"],
    forbids: ["[]", "[1, 2, 3]", '["a"]'],
  },
  {
    schema: {
      type: "array",
      prefixItems: [{ type: "integer" }, { type: "string" }],
      items: false,
      minItems: 1,
    },
    allows: ["[1]", '[1, "a"]'],
    forbids: ["[]", '[1, "a", 2]', '["a"]'],
  },
  {
    schema: { type: "array", items: { enum: [1, 2] }, uniqueItems: true },
    allows: ["[1, 2]", "[2]"],
    forbids: ["[1, 1]"],
  },
  {
    schema: {
      $defs: { n: { type: "object", properties: { next: { $ref: "#/$defs/n" } } } },
      $ref: "#/$defs/n",
    },
    allows: ['{"next": {"next": {}}}'],
    forbids: ['{"next": 1}'],
  },
  {
    schema: { $defs: { s: { $anchor: "s", type: "string" } }, $ref: "#s", maxLength: 1 },
    allows: ['"a"'],
    forbids: ['"ab"'],
  },
  {
    schema: {
      allOf: [{ type: "object", properties: { a: { type: "integer" } } }, {
        properties: { a: { minimum: 3 } },
        required: ["a"],
      }],
    },
    allows: ['{"a": 3}'],
    forbids: ['{"a": 2}', "{}"],
  },
  {
    schema: { anyOf: [{ type: "integer" }, { type: "string" }], maxLength: 1 },
    allows: ["12", '"a"'],
    forbids: ['"ab"'],
  },
  {
    schema: {
      oneOf: [
        { type: "object", properties: { kind: { const: "a" } }, required: ["kind"] },
        {
          type: "object",
          properties: { kind: { const: "b" }, n: { type: "integer" } },
          required: ["kind", "n"],
        },
      ],
    },
    allows: ['{"kind": "a"}', '{"kind": "b", "n": 1}'],
    forbids: ['{"kind": "b"}', '{"kind": "a", "n": 1}'],
  },
  {
    schema: {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "integer" } },
      dependentRequired: { a: ["b"] },
    },
    allows: ["{}", '{"b": 1}', '{"a": 1, "b": 1}'],
    forbids: ['{"a": 1}'],
  },
  { schema: { type: ["string", "integer"], not: { type: "string" } }, allows: ["1"], forbids: ['"a"'] },
  {
    schema: { type: "number", oneOf: [{ maximum: 2 }, { minimum: 1 }] },
    allows: ["0.5", "3"],
    forbids: ["1.5", "1", "2"],
  },
  {
    schema: { type: "string", not: { pattern: "a" }, maxLength: 2 },
    allows: ['"b"'],
    forbids: ['"ba"', '"bbb"'],
  },
  {
    schema: { type: ["number", "string"], not: { enum: [3, ""] } },
    allows: ["2", '"a"'],
    forbids: ["3", '""'],
  },
  {
    schema: {
      type: "object",
      properties: { country: { enum: ["US", "FR"] }, zip: { type: "string" } },
      required: ["country", "zip"],
      if: { properties: { country: { const: "US" } }, required: ["country"] },
      then: { properties: { zip: { pattern: "^[0-9]{5}$" } } },
      else: { properties: { zip: { maxLength: 2 } } },
    },
    allows: ['{"country": "US", "zip": "12345"}', '{"country": "FR", "zip": "7"}'],
    forbids: ['{"country": "US", "zip": "7"}', '{"country": "FR", "zip": "12345"}'],
  },
  {
    schema: {
      type: "object",
      properties: { t: { enum: ["x", "y"] } },
      required: ["t"],
      if: { properties: { t: { const: "z" } } },
      then: false,
    },
    allows: ['{"t": "x"}'],
    forbids: ['{"t": "z"}'],
  },
];

for (const { schema, allows, forbids } of ENFORCED) {
  Deno.test(`enforced: ${JSON.stringify(schema)}`, async () => {
    const validate = ajv.compile(schema as object);
    using grammar = await compile(jsonSchemaSource(schema, "schema"));
    for (const text of allows) {
      assert(validate(JSON.parse(text)), `not valid: ${text}`);
      assert(await grammar.allows(text), text);
    }
    for (const text of forbids) assert(!await grammar.allows(text), text);
  });
}

/** Schemas that are refused, with the place and the reason. */
const REFUSED: readonly [unknown, RegExp][] = [
  [
    { type: "object", properties: { "a/b": { contains: {} } } },
    /at #\/properties\/a~1b\/contains: the keyword cannot/,
  ],
  [{ type: "number", multipleOf: 0.01 }, /at #\/multipleOf: only multiples of integers/],
  [
    { type: "array", items: { type: "string" }, uniqueItems: true },
    /at #\/uniqueItems: only of enumerated values/,
  ],
  [{ type: "string", pattern: "a(?=b)" }, /at #\/pattern: lookahead cannot be enforced at offset 1/],
  [{ type: "string", pattern: "(" }, /at #\/pattern: unterminated group at offset 1/],
  [{ type: "string", format: "iri" }, /at #\/format: "iri" cannot be enforced/],
  [{ type: "string", minLenght: 3 }, /at #\/minLenght: the keyword is not known/],
  [{ type: "text" }, /at #\/type: "text" is not a type/],
  [{ type: "object", properties: [] }, /at #\/properties: is not an object/],
  [
    { oneOf: [{ type: "integer" }, { minimum: 2 }] },
    /at #\/oneOf\/1: it cannot be told apart from what the number may be/,
  ],
  [
    { type: "array", not: { minItems: 2 } },
    /at #\/not: it cannot be told apart from what the array may be/,
  ],
  [{ $ref: "#/$defs/none" }, /at #\/\$ref: #\/\$defs\/none is not in the schema/],
  [{ $ref: "https://example.com/s.json" }, /at #\/\$ref: .* is not in the schema: references begin with #/],
  [{ $ref: "#" }, /at #: it refers to itself without a property or an item between/],
  [
    { allOf: [{ properties: { a: {} } }], unevaluatedProperties: false },
    /at #\/unevaluatedProperties: the keyword cannot/,
  ],
  [{ type: "integer", minimum: 3, maximum: 2 }, /at #: no value that can be generated obeys it/],
  [
    { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
    /at #: no value that can be generated/,
  ],
  [false, /at #: no value that can be generated/],
  ["{", /schema is not JSON: /],
  [JSON.parse('{"items":'.repeat(10_000) + "{}" + "}".repeat(10_000)), /schema is nested more than 128 deep/],
  [{ enum: Array.from({ length: 60_000 }, (_, i) => i) }, /schema is too large/],
  [{ $defs: doublings(40), $ref: "#/$defs/0" }, /it combines too many alternatives/],
  [
    { type: "string", pattern: "^(a|b)*c".repeat(1) + ".{30}$", maxLength: 90, minLength: 40 },
    /take too many states/,
  ],
];

/** Definitions of which each names the next twice. */
function doublings(count: number): Record<string, unknown> {
  const next = (i: number) => i + 1 === count ? { type: "string" } : { $ref: `#/$defs/${i + 1}` };
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [i, { anyOf: [next(i), next(i)] }]));
}

Deno.test("what cannot be enforced is refused with its place and the request field", () => {
  for (const [schema, reason] of REFUSED) {
    assert.throws(() => jsonSchemaSource(schema, "schema"), (error: unknown) => {
      assert(error instanceof InvalidRequestError, `${(error as Error).stack}`);
      assert.match(error.message, reason);
      assert.equal(error.details["param"], "schema");
      return true;
    }, JSON.stringify(schema).slice(0, 200));
  }
});

Deno.test("a schema may be sent as text", () => {
  const schema = { type: "object", properties: { a: { type: "integer" } } };
  assert.deepEqual(jsonSchemaSource(JSON.stringify(schema), "schema"), jsonSchemaSource(schema, "schema"));
});

Deno.test("1,000 values are enumerated", async () => {
  const values = Array.from({ length: 1000 }, (_, i) => `value ${i}`);
  using grammar = await compile(jsonSchemaSource({ enum: values }, "schema"));
  assert(await grammar.allows('"value 999"'));
  assert(!await grammar.allows('"value 1000"'));
});

Deno.test("what is generated for a format is valid to ajv-formats", async () => {
  const random = randomOf(3);
  for (const format of stringFormats.filter((name) => ajv.formats[name])) {
    const schema = { type: "string", format };
    const validate = ajv.compile(schema);
    using grammar = await compile(jsonSchemaSource(schema, "schema"));
    for (let i = 0; i < 12; i++) {
      const answer = await grammar.walk(random);
      if (answer !== undefined) assert(validate(JSON.parse(answer)), `${format} allows ${answer}`);
    }
  }
});

Deno.test("zod's schemas are enforced, with formats and patterns beside each other", async () => {
  const random = randomOf(4);
  const schema = z.object({
    email: z.email(),
    id: z.uuid(),
    at: z.iso.datetime(),
    day: z.iso.date(),
    host: z.ipv4(),
    nano: z.nanoid(),
    code: z.string().regex(/^(?!0)\d{4}$/).optional(),
    url: z.url(),
    count: z.int().positive(),
    tags: z.array(z.string().min(1).max(3)).max(2),
    point: z.tuple([z.number(), z.number()]),
    scores: z.record(z.enum(["a", "b"]), z.number()),
    shape: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("circle"), radius: z.number().min(0) }),
      z.object({ kind: z.literal("square"), side: z.number().nullable() }),
    ]),
  });
  using grammar = await compile(jsonSchemaSource(z.toJSONSchema(schema), "schema"));
  let numAnswers = 0;
  for (let i = 0; i < 20; i++) {
    const answer = await grammar.walk(random, 1500);
    if (answer === undefined) continue;
    numAnswers++;
    // zod's URL is what `new URL` takes, which has fewer ports and names of hosts.
    assert(schema.omit({ url: true }).safeParse(JSON.parse(answer)).success, answer);
  }
  assert(numAnswers > 10, `${numAnswers} answers`);
});

Deno.test("any object is one of JSON without white space but behind commas and colons", async () => {
  using grammar = await compile(jsonObjectSource());
  const random = randomOf(5);
  for (let i = 0; i < 30; i++) {
    const answer = await grammar.walk(random);
    if (answer !== undefined) assert.equal(JSON.parse(answer).constructor, Object);
  }
  assert(await grammar.allows('{"a": [1, {"b": "\\ud83d\\ude00"}], "c": null}'));
  for (
    const text of ['{"a":1}', '{"a": 1 }', '{ "a": 1}', "[]", '{"a": "\n"}', '{"a": "\\ud83d"}', '{"a": 01}']
  ) {
    assert(!await grammar.allows(text), text);
  }
});

Deno.test("docs/structured_output.md names every keyword and every format", async () => {
  const page = await Deno.readTextFile(join(import.meta.dirname!, "../../../docs/structured_output.md"));
  const { ASSERTIONS, APPLICATORS, LOCATIONS, ANNOTATIONS, REFUSED } = keywords;
  const all = [
    ...ASSERTIONS,
    ...APPLICATORS,
    ...LOCATIONS,
    ...ANNOTATIONS,
    ...REFUSED.keys(),
    ...stringFormats,
  ];
  assert.deepEqual(all.filter((name) => !page.includes(`\`${name}\``)), []);
});
