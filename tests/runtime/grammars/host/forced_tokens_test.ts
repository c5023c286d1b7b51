import assert from "node:assert/strict";
import { jsonSchemaSource } from "../../../../runtime/grammars/json_schema.ts";
import type { TokenizerJson } from "../../../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../../../runtime/tokenizer/tokenizer.ts";
import { Matchers } from "../../../support/grammar_matchers.ts";
import { REAL_VOCABULARIES } from "../../../support/real_vocabularies.ts";

const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string" },
    "größe in m": { type: "number" },
    "is_final?": { type: "boolean" },
    tags: { type: "array", items: { type: "string" } },
    status: { enum: ["active", "inactive", "active later"] },
    place: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
  required: ["name", "größe in m", "is_final?", "tags", "status", "place"],
  additionalProperties: false,
};

const ANSWERS = [
  '{"name": "Anna-Maria", "größe in m": 1.75, "is_final?": true, "tags": ["long novels", "chess"], "status": "active later", "place": {"city": "Sankt Gallen"}}',
  '{"name": "Ω 7", "größe in m": 20, "is_final?": false, "tags": [], "status": "inactive", "place": {"city": "Y"}}',
];

for (const name of ["Qwen3", "Llama 2"]) {
  Deno.test(`forced tokens: with the vocabulary of ${name} they are those that the model itself writes`, async () => {
    const json = (await REAL_VOCABULARIES[name]!()).default as TokenizerJson;
    const source = { path: name, json, eosTokenIds: [2], chatAddsBos: false };
    const { vocabSize } = loadTokenizer(source);
    const matchers = new Matchers(source, { vocabSize, endTokens: [2] });
    const create = await matchers.of({ grammar: jsonSchemaSource(SCHEMA, "schema") });
    for (const answer of ANSWERS) {
      // Behind a word, as an answer stands behind its prompt: some tokenizers put a blank before a text's first word.
      const written = matchers.encode(`:${answer}`).slice(matchers.encode(":").length);
      const matcher = await create();
      let numForced = 0, numWrong = 0;
      for (let at = 0; at < written.length;) {
        const tokens = await matchers.forced.next(matcher);
        const isRight = tokens.map((token, i) => written[at + i] === undefined || written[at + i] === token);
        const numRight = isRight.includes(false) ? isRight.indexOf(false) : tokens.length;
        numWrong += isRight.length - numRight;
        numForced += numRight;
        for (const token of written.slice(at, at + numRight + 1)) assert.ok(matcher.accept(token), answer);
        at += numRight + 1;
      }
      assert.ok(numForced > written.length / 3, `${numForced} of ${written.length} are forced`);
      assert.equal(numWrong, 0, answer);
      assert.deepEqual(await matchers.forced.next(matcher), [2]);
      matcher.dispose();
    }
  });
}
