// deno-lint-ignore-file camelcase
import { strict as assert } from "node:assert";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { structuralTagSource } from "../../../runtime/grammars/structural_tag.ts";
import { compile } from "../../support/grammar_walks.ts";

const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
const json = { type: "json_schema", json_schema: schema };
const tag = (name: string, content: unknown = json) => ({ begin: `<${name}>`, content, end: `</${name}>` });

/** Structural tags with texts that they allow and texts that they do not. */
const TAGS: readonly {
  name: string;
  value: unknown;
  allows: readonly string[];
  forbids: readonly string[];
}[] = [
  {
    name: "structures with triggers, as SGLang has them",
    value: {
      type: "structural_tag",
      structures: [{ begin: "<f=x>", schema, end: "</f>" }],
      triggers: ["<f="],
    },
    allows: ["", "text", 'so <f=x>{"a": 1}</f> and <f=x>{"a": 2}</f>.'],
    forbids: ["<f=y>", "<f=x>{}</f>", '<f=x>{"a": 1}'],
  },
  {
    name: "triggered tags",
    value: {
      type: "structural_tag",
      format: {
        type: "triggered_tags",
        triggers: ["<"],
        tags: [tag("x"), tag("y", { type: "regex", pattern: "é+" })],
        at_least_one: true,
        stop_after_first: true,
      },
    },
    allows: ['<x>{"a": 1}</x>', "<y>éé</y>"],
    forbids: ["", "text", "<y>e</y>", "<y>é</y> more"],
  },
  {
    name: "a sequence of a constant, alternatives, a grammar and free text in a tag",
    value: {
      format: {
        type: "sequence",
        elements: [
          { type: "const_string", value: "go " },
          {
            type: "or",
            elements: [{ type: "grammar", grammar: 'root ::= "1"' }, { type: "regex", pattern: "[a-c]" }],
          },
          { type: "tag", begin: "<t>", content: { type: "any_text" }, end: "</t>" },
        ],
      },
    },
    allows: ["go 1<t>any <b> text</t>", "go c<t></t>"],
    forbids: ["go d<t></t>", "go 1<t>", "go 1"],
  },
  {
    name: "tags with a separator",
    value: { format: { type: "tags_with_separator", tags: [tag("x")], separator: ", ", at_least_one: true } },
    allows: ['<x>{"a": 1}</x>', '<x>{"a": 1}</x>, <x>{"a": 2}</x>'],
    forbids: ["", '<x>{"a": 1}</x>,'],
  },
];

for (const { name, value, allows, forbids } of TAGS) {
  Deno.test(`allows what the structural tag says: ${name}`, async () => {
    using compiled = await compile(structuralTagSource(value, "structural_tag"));
    for (const text of allows) assert(await compiled.allows(text), text);
    for (const text of forbids) assert(!await compiled.allows(text), text);
    assert.deepEqual(
      structuralTagSource(JSON.stringify(value), "structural_tag"),
      structuralTagSource(value, "structural_tag"),
    );
  });
}

Deno.test("a structural tag that cannot be enforced is refused with its place", () => {
  const format = (format: unknown) => ({ type: "structural_tag", format });
  const triggered = (fields: object) =>
    format({ type: "triggered_tags", triggers: ["<"], tags: [tag("x")], ...fields });
  const refused: readonly [unknown, RegExp][] = [
    [[], /at #: a structural tag is an object/],
    [{ type: "json_schema" }, /at #\/type: the type is not structural_tag/],
    [format({ type: "tokens" }), /at #\/format\/type: "tokens" is not known/],
    [format({ type: "regex", pattern: "(" }), /at #\/format\/pattern: .*unterminated group at offset 1/],
    [format({ type: "grammar", grammar: "a" }), /at #\/format\/grammar: .*in line 1/],
    [
      format({ ...json, json_schema: { contains: {} } }),
      /at #\/format\/json_schema: .*at #\/contains: the keyword/,
    ],
    [format({ ...json, style: "xml" }), /at #\/format\/style: the field is not known/],
    [format({ type: "sequence", elements: [] }), /at #\/format\/elements: it is not a list with an entry/],
    [
      format({ type: "sequence", elements: [{ type: "any_text" }, json] }),
      /at #\/format\/elements\/0: only the last may have no end/,
    ],
    [format({ type: "or", elements: [{ type: "any_text" }, json] }), /either all or none may have no end/],
    [
      format({ type: "tag", begin: "<", content: { type: "any_text" }, end: "" }),
      /at #\/format\/end: content without/,
    ],
    [triggered({ triggers: ["<", "<x"] }), /at #\/format\/tags\/0: it begins with several triggers/],
    [triggered({ triggers: ["["] }), /at #\/format\/tags\/0: it begins with no trigger/],
    [triggered({ triggers: ["<", "["] }), /at #\/format\/triggers\/1: no tag begins with it/],
    [triggered({ at_least_one: 1 }), /at #\/format\/at_least_one: it is not a boolean/],
    [
      { structures: [{ begin: "<", end: ">" }], triggers: ["<"] },
      /json_schema: .* a schema is an object or a boolean/,
    ],
    [JSON.parse('{"format":'.repeat(5000) + "{}" + "}".repeat(5000)), /nested more than 128 deep/],
  ];
  for (const [value, reason] of refused) {
    assert.throws(() => structuralTagSource(value, "structural_tag"), (error: unknown) => {
      assert(error instanceof InvalidRequestError, (error as Error).stack);
      assert.match(error.message, reason);
      assert.equal(error.details["param"], "structural_tag");
      return true;
    });
  }
});
