import { FakeGenerator } from "/tmp/wt/fields/tests/support/fake_generator.ts";
import { appOf, post } from "/tmp/wt/fields/tests/support/http.ts";
const app = appOf(new FakeGenerator(() => [{ finish: { type: "length", length: 0 } }]));
const deep = (n: number, o: string, c: string, mid = "true") => o.repeat(n) + mid + c.repeat(n);
const big = "a".repeat(1_000_000);
const wide = JSON.stringify({ type: "object", properties: Object.fromEntries(Array.from({ length: 20000 }, (_, i) => [`p${i}`, { type: "string" }])) });
const refs = JSON.stringify({ $ref: "#/$defs/a0", $defs: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`a${i}`, { anyOf: [{ $ref: `#/$defs/a${(i * 7 + 1) % 2000}` }, { $ref: `#/$defs/a${(i * 13 + 5) % 2000}` }, { type: "null" }] }])) });
const allOf = JSON.stringify({ allOf: Array.from({ length: 12 }, (_, i) => ({ anyOf: [{ properties: { [`a${i}`]: { type: "string" } } }, { properties: { [`b${i}`]: { type: "string" } } }, {type:"string"}] })) });
const cases: Record<string, string> = {
  "deep schema 10000": `{"json_schema":${JSON.stringify(deep(10000, '{"items":', "}"))}}`,
  "deep schema obj 10000": `{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":${deep(10000, '{"items":', "}", "{}")}}}}`,
  "deep schema obj 5000": `{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":${deep(5000, '{"items":', "}", "{}")}}}}`,
  "deep list text": `{"json_schema":"${"[".repeat(200000)}"}`,
  "deep list text ok": `{"json_schema":"${"[".repeat(100000)}${"]".repeat(100000)}"}`,
  "deep tag": `{"response_format":{"type":"structural_tag","format":${deep(5000, '{"a":', "}", "{}")}}}`,
  "deep tag seq": `{"response_format":{"type":"structural_tag","format":${deep(1200, '{"type":"sequence","elements":[', "]}", '{"type":"any_text"}')}}}`,
  "1MB ebnf": JSON.stringify({ ebnf: "root ::= " + big }),
  "1MB ebnf literal": JSON.stringify({ ebnf: `root ::= "${big}"` }),
  "1MB regex": JSON.stringify({ regex: big }),
  "regex classes": JSON.stringify({ regex: "[\\p{L}\\p{N}]".repeat(2000) }),
  "regex alternation": JSON.stringify({ regex: "(a|b)".repeat(5000) }),
  "catastrophic": JSON.stringify({ regex: "(a+)+$" }),
  "repeat": JSON.stringify({ regex: "((a{1000}){1000}){1000}" }),
  "repeat2": JSON.stringify({ regex: "(a{0,1000}b){0,1000}" }),
  "repeat3": JSON.stringify({ regex: "(((x?){50}){50}){50}" }),
  "nested groups": JSON.stringify({ regex: "(".repeat(20000) + "a" + ")".repeat(20000) }),
  "nested groups 2000": JSON.stringify({ regex: "(".repeat(2000) + "a" + ")".repeat(2000) }),
  "unicode": JSON.stringify({ regex: "\\p{Script=Han}{1,500}" }),
  "1MB schema": JSON.stringify({ json_schema: JSON.stringify({ const: big }) }),
  "1MB schema obj": JSON.stringify({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { const: big } } } }),
  "1MB description": JSON.stringify({ response_format: { type: "json_schema", json_schema: { name: "x", description: big, schema: {} } } }),
  "1MB tag": JSON.stringify({ structural_tag: JSON.stringify({ type: "structural_tag", format: { type: "const_string", value: big } }) }),
  "wide schema": JSON.stringify({ json_schema: wide }),
  "wide obj": `{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":${wide}}}}`,
  "refs": JSON.stringify({ json_schema: refs }),
  "allOf": JSON.stringify({ json_schema: allOf }),
  "enum 100000": JSON.stringify({ json_schema: JSON.stringify({ enum: Array.from({ length: 30000 }, (_, i) => i) }) }),
  "enum obj 100000": JSON.stringify({ guided_json: { enum: Array.from({ length: 100000 }, (_, i) => `e${i}`) } }),
  "choice": JSON.stringify({ structured_outputs: { choice: Array.from({ length: 1024 }, () => "x".repeat(3000)) } }),
  "choice small": JSON.stringify({ structured_outputs: { choice: Array.from({ length: 1024 }, (_, i) => `x${i}`) } }),
  "pattern": JSON.stringify({ guided_json: { type: "string", pattern: "(a+)+$" } }),
  "self ref": JSON.stringify({ guided_json: { $ref: "#" } }),
  "maxLength": JSON.stringify({ guided_json: { type: "string", maxLength: 1e9 } }),
  "minItems": JSON.stringify({ guided_json: { type: "array", minItems: 1e9 } }),
  "minItems2": JSON.stringify({ guided_json: { type: "array", minItems: 1e6, items: { type: "array", minItems: 1e6 } } }),
  "proto": `{"guided_json":{"type":"object","properties":{"__proto__":{"type":"string"}},"required":["__proto__"]}}`,
  "unknown kw": JSON.stringify({ guided_json: { type: "object", foo: 1 } }),
  "unicode lone": `{"guided_json":{"const":"\\ud800"}}`,
  "suffix huge": JSON.stringify({ suffix: big }),
  "best_of huge": JSON.stringify({ best_of: 1e308 }),
};
for (const [name, fields] of Object.entries(cases)) {
  const body = `{"prompt":"x",${fields.slice(1)}`;
  let worst = 0, last = performance.now();
  const timer = setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last); last = now; }, 1);
  const start = performance.now(); last = start;
  const response = await post(app, "/v1/completions", body);
  const text = await response.text();
  const now = performance.now(); worst = Math.max(worst, now - last);
  clearInterval(timer);
  const { error } = JSON.parse(text);
  console.log(`${response.status} ${(now - start).toFixed(0)}ms (turn ${worst.toFixed(0)}) ${name}: ${error ? `${error.param}: ${error.message.slice(0, 150)}` : "ok"}`);
}
