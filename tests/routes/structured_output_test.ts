// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * What the output must match reaches the generator from every endpoint, and what is wrong with it is named.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import { choiceSource } from "../../runtime/grammars/choice.ts";
import { ebnfSource } from "../../runtime/grammars/ebnf.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../runtime/grammars/json_schema.ts";
import { regexSource } from "../../runtime/grammars/regex.ts";
import { structuralTagSource } from "../../runtime/grammars/structural_tag.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { answer, appOf, events, fault, post } from "../support/http.ts";

const chat = "/v1/chat/completions", completions = "/v1/completions", generate = "/generate";
const messages = [{ role: "user", content: "x" }];
const bodies = { [chat]: { messages }, [completions]: { prompt: "x" }, [generate]: { text: "x" } };
const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
const schemaText = JSON.stringify(schema);
const tag = {
  type: "structural_tag",
  format: { type: "tag", begin: "<a>", content: { type: "json_schema", json_schema: schema }, end: "</a>" },
};
const olderTag = {
  type: "structural_tag",
  structures: [{ begin: "<a>", schema, end: "</a>" }],
  triggers: ["<a"],
};

const grammars = {
  schema: jsonSchemaSource(schema, "schema"),
  anyJson: jsonSchemaSource(true, "schema"),
  anyObject: jsonObjectSource(),
  regex: regexSource("a+", "regex"),
  ebnf: ebnfSource('root ::= "a"', "ebnf"),
  tag: structuralTagSource(tag, "tag"),
  olderTag: structuralTagSource(olderTag, "tag"),
  choice: choiceSource(["a", 'b"\\\n', "é"], "choice"),
};

/** The constraints of the generations that a request becomes. */
async function constraintsOf(path: string, body: object): Promise<(OutputConstraint | undefined)[]> {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, body, z.unknown());
  return generator.seen.map(({ request }) => request.constraint);
}

/** The constraint of the one generation that these fields ask for. */
async function constraintOf(
  path: keyof typeof bodies,
  fields: object,
): Promise<OutputConstraint | undefined> {
  const [constraint] = await constraintsOf(path, { ...bodies[path], ...fields });
  return constraint;
}

const v1Cases: [fields: object, grammar: keyof typeof grammars, param: string][] = [
  [{ response_format: { type: "json_object" } }, "anyObject", "response_format"],
  [
    { response_format: { type: "json_schema", json_schema: { name: "n", schema, strict: true } } },
    "schema",
    "response_format.json_schema.schema",
  ],
  [{ response_format: tag }, "tag", "response_format"],
  [{ response_format: olderTag }, "olderTag", "response_format"],
  [{ json_schema: schemaText }, "schema", "json_schema"],
  [{ json_schema: "$$ANY$$" }, "anyJson", "json_schema"],
  [{ regex: "a+" }, "regex", "regex"],
  [{ ebnf: 'root ::= "a"' }, "ebnf", "ebnf"],
  [{ structural_tag: JSON.stringify(tag) }, "tag", "structural_tag"],
  [{ guided_json: schema }, "schema", "guided_json"],
  [{ guided_json: schemaText, guided_decoding_backend: "xgrammar" }, "schema", "guided_json"],
  [{ guided_regex: "a+" }, "regex", "guided_regex"],
  [{ guided_choice: ["a", 'b"\\\n', "é"] }, "choice", "guided_choice"],
  [{ guided_grammar: 'root ::= "a"' }, "ebnf", "guided_grammar"],
  [{ structured_outputs: { json: schema } }, "schema", "structured_outputs.json"],
  [
    { structured_outputs: { json: schemaText, disable_fallback: true } },
    "schema",
    "structured_outputs.json",
  ],
  [{ structured_outputs: { regex: "a+" } }, "regex", "structured_outputs.regex"],
  [{ structured_outputs: { choice: ["a", 'b"\\\n', "é"] } }, "choice", "structured_outputs.choice"],
  [{ structured_outputs: { grammar: 'root ::= "a"' } }, "ebnf", "structured_outputs.grammar"],
  [{ structured_outputs: { json_object: true } }, "anyObject", "structured_outputs.json_object"],
  [
    { structured_outputs: { structural_tag: JSON.stringify(tag) } },
    "tag",
    "structured_outputs.structural_tag",
  ],
];

Deno.test("structured output: every form of /v1 becomes a grammar, which the field is named for", async (t) => {
  for (const path of [chat, completions] as const) {
    await t.step(path, async () => {
      for (const [fields, name, param] of v1Cases) {
        const expected = { grammar: grammars[name], param };
        assert.deepEqual(await constraintOf(path, fields), expected, JSON.stringify(fields));
      }
    });
  }
});

Deno.test("structured output: of /generate the sampling parameters say it, for all prompts or for each", async () => {
  const cases: [fields: object, grammar: keyof typeof grammars, param: string][] = [
    [{ json_schema: schemaText }, "schema", "json_schema"],
    [{ regex: "a+" }, "regex", "regex"],
    [{ ebnf: 'root ::= "a"' }, "ebnf", "ebnf"],
    [{ structural_tag: JSON.stringify(olderTag) }, "olderTag", "structural_tag"],
  ];
  for (const [sampling_params, name, param] of cases) {
    assert.deepEqual(await constraintOf(generate, { sampling_params }), {
      grammar: grammars[name],
      param: `sampling_params.${param}`,
    });
  }
  const each = await constraintsOf(generate, {
    text: ["a", "b", "c"],
    sampling_params: [{ regex: "a" }, {}, { json_schema: schemaText }],
  });
  assert.deepEqual(each.map((constraint) => constraint?.param), [
    "sampling_params[0].regex",
    undefined,
    "sampling_params[2].json_schema",
  ]);
});

Deno.test("structured output: what asks for nothing constrains nothing", async () => {
  const neutral: object[] = [
    { response_format: null },
    { response_format: { type: "text" } },
    { response_format: { type: "text", json_schema: null } },
    { json_schema: "", regex: "", ebnf: "", structural_tag: "" },
    { guided_json: "", guided_regex: "", guided_grammar: "", guided_choice: [] },
    { structured_outputs: {} },
    { structured_outputs: { json: null, regex: null, json_object: false, whitespace_pattern: "" } },
  ];
  for (const path of [chat, completions] as const) {
    for (const fields of neutral) {
      assert.equal(await constraintOf(path, fields), undefined, JSON.stringify(fields));
    }
  }
  const sampling_params = { json_schema: "", regex: null, ebnf: "" };
  assert.equal(await constraintOf(generate, { sampling_params }), undefined);
});

Deno.test("structured output: a constraint goes with every copy, streamed, echoed, scored or logged", async () => {
  const more: object[] = [
    { n: 3 },
    { echo: true, logprobs: 1, prompt_logprobs: 1 },
    { max_tokens: 0 },
    { n: 1, best_of: 2 },
    { prompt: ["x", "y"] },
  ];
  for (const fields of more) {
    const seen = await constraintsOf(completions, { prompt: "x", regex: "a+", ...fields });
    assert.ok(seen.length > 0 && seen.every((constraint) => constraint?.param === "regex"));
  }
  const generator = new FakeGenerator(), body = { messages, n: 2, response_format: { type: "json_object" } };
  await events(appOf(generator), chat, body, z.unknown());
  assert.deepEqual(generator.seen.map(({ request }) => request.constraint), [
    { grammar: grammars.anyObject, param: "response_format" },
    { grammar: grammars.anyObject, param: "response_format" },
  ]);
});

Deno.test("structured output: what is wrong is named", async (t) => {
  const format = (json_schema: unknown) => ({ response_format: { type: "json_schema", json_schema } });
  const cases: [fields: object, param: string, message?: RegExp][] = [
    [{ response_format: "json" }, "response_format"],
    [{ response_format: {} }, "response_format.type"],
    [{ response_format: { type: "grammar" } }, "response_format.type"],
    [{ response_format: { type: "json_object", schema } }, "response_format.schema"],
    [format(undefined), "response_format.json_schema"],
    [format({ name: "n" }), "response_format.json_schema.schema"],
    [format({ name: "n", schema: "{}" }), "response_format.json_schema.schema"],
    [format({ name: "n", schema: [] }), "response_format.json_schema.schema"],
    [format({ name: 1, schema }), "response_format.json_schema.name"],
    [format({ name: "n", schema, strict: "yes" }), "response_format.json_schema.strict"],
    [format({ name: "n", schema: { type: "nothing" } }), "response_format.json_schema.schema", /\/type/],
    [{ response_format: { type: "structural_tag" } }, "response_format"],
    [{ response_format: { ...olderTag, triggers: 1 } }, "response_format.triggers"],
    [{ json_schema: "{" }, "json_schema", /not JSON/],
    [{ json_schema: "7" }, "json_schema"],
    [{ json_schema: " ".repeat(1_100_000) }, "json_schema", /too large/],
    [{ json_schema: schema }, "json_schema"],
    [{ regex: "(" }, "regex"],
    [{ regex: 7 }, "regex"],
    [{ ebnf: "nothing" }, "ebnf"],
    [{ structural_tag: "{" }, "structural_tag", /not JSON/],
    [{ structured_outputs: { choice: [] } }, "structured_outputs.choice"],
    [{ structured_outputs: { choice: ["a", "\ud800"] } }, "structured_outputs.choice[1]"],
    [{ structured_outputs: { choice: new Array(2000).fill("a") } }, "structured_outputs.choice"],
    [{ structured_outputs: { whitespace_pattern: " " } }, "structured_outputs.whitespace_pattern"],
    [{ structured_outputs: { disable_any_whitespace: true } }, "structured_outputs.disable_any_whitespace"],
    [{ structured_outputs: { xml: "a" } }, "structured_outputs.xml", /did you mean/],
    [{ guided_choice: "a" }, "guided_choice"],
    [{ guided_choice: [1] }, "guided_choice[0]"],
    [{ guided_decoding_backend: "outlines" }, "guided_decoding_backend"],
    [{ regex: "a", ebnf: 'root ::= "a"' }, "ebnf", /regex is given too/],
    [{ response_format: { type: "json_object" }, regex: "a" }, "regex", /response_format is given too/],
    [
      { guided_regex: "a", structured_outputs: { regex: "a" } },
      "structured_outputs.regex",
      /guided_regex is given too/,
    ],
  ];
  for (const path of [chat, completions] as const) {
    for (const suffix of ["", "/render"]) {
      const generator = new FakeGenerator(), app = appOf(generator);
      for (const [fields, param, message = /./] of cases) {
        await t.step(`${path}${suffix} ${JSON.stringify(fields).slice(0, 80)}`, async () => {
          const error = await fault(app, path + suffix, { ...bodies[path], ...fields });
          assert.equal(error.status, 400, error.message);
          assert.equal(error.param, param, error.message);
          assert.match(error.message, message);
        });
      }
      assert.equal(generator.seen.length, 0);
    }
  }
  await t.step(generate, async () => {
    const app = appOf(new FakeGenerator());
    const paramOf = async (sampling_params: unknown) =>
      (await fault(app, generate, { text: ["a", "b"], sampling_params })).param;
    assert.equal(await paramOf({ regex: "(" }), "sampling_params.regex");
    assert.equal(await paramOf([{}, { regex: "(" }]), "sampling_params[1].regex");
    assert.equal(await paramOf([{ regex: "a" }, { regex: "a", ebnf: "b" }]), "sampling_params[1].ebnf");
  });
});

Deno.test("structured output: a rendered request says what is enforced", async () => {
  const rendered = async (path: string, body: object) => {
    const request = await (await post(appOf(new FakeGenerator()), `${path}/render`, body)).json();
    return (Array.isArray(request) ? request[0] : request).sampling_params.structured_outputs;
  };
  assert.equal(await rendered(chat, { messages }), null);
  const { regex, tag: byTag } = grammars;
  assert.ok(regex.type === "ebnf" && byTag.type === "structural_tag");
  assert.deepEqual(await rendered(completions, { prompt: "x", regex: "a+" }), { grammar: regex.grammar });
  assert.deepEqual(await rendered(chat, { messages, response_format: tag }), { structural_tag: byTag.tag });
});
