/**
 * Templates by name, against what published ones of the same family render (tests/golden/chat_templates.json names each
 * source).
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidRequestError, LoadError } from "../../../runtime/contracts/errors.ts";
import type { ChatMessage } from "../../../runtime/contracts/chat.ts";
import { namedTemplate, templateNames } from "../../../runtime/tokenizer/named_templates.ts";
import { loadTokenizer, type Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

interface Golden {
  readonly conversations: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly templates: Readonly<
    Record<string, {
      readonly source: string;
      readonly bos: string;
      readonly eos: string;
      readonly texts: Readonly<Record<string, string>>;
    }>
  >;
}

const golden: Golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../golden/chat_templates.json", import.meta.url)),
);

function tokenizerWith(chatTemplate: string, bosToken = "<s>", eosToken = "</s>"): Tokenizer {
  const source = { path: "tiny", json: TINY_TOKENIZER.json, bosToken, eosToken, eosTokenIds: [7] };
  return loadTokenizer({ ...source, chatAddsBos: false }, { chatTemplate });
}

function render(tokenizer: Tokenizer, messages: readonly ChatMessage[]): string {
  return tokenizer.decode([...tokenizer.renderChat(messages)]);
}

for (const [name, { source, bos, eos, texts }] of Object.entries(golden.templates)) {
  Deno.test(`${name} renders as ${source}`, () => {
    const tokenizer = tokenizerWith(name, bos, eos);
    for (const [conversation, text] of Object.entries(texts)) {
      assert.equal(render(tokenizer, golden.conversations[conversation]!), text, conversation);
    }
  });
}

Deno.test("every name has a template, and every template is compared", () => {
  const texts = templateNames.map((name) => namedTemplate(name)!.text);
  const compared = new Set(Object.keys(golden.templates).map((name) => namedTemplate(name)!.text));
  assert.deepEqual(new Set(texts), compared);
  const folder = new URL("../../../runtime/tokenizer/chat_templates/", import.meta.url);
  assert.equal([...Deno.readDirSync(folder)].length, compared.size);
});

Deno.test("bos comes first where a source leaves it out", () => {
  for (const name of ["llama-4", "c4ai-command-r", "vicuna_v1.1"]) {
    assert.match(render(tokenizerWith(name), [{ role: "user", content: "x" }]), /^<s>[^<]*[<AU]/, name);
  }
});

Deno.test("roles that a template does not know, or an order that it cannot say, are refused", () => {
  const user = { role: "user", content: "x" }, tool = { role: "tool", content: "y" };
  for (const name of ["deepseek-v3", "gemma-it", "llama-2", "mistral", "vicuna_v1.1", "yi-1.5"]) {
    const narrator = { role: "narrator", content: "y" };
    assert.throws(() => render(tokenizerWith(name), [user, narrator]), InvalidRequestError, name);
  }
  // What a tool answered is a user's text where the template has no other: a second one in a row.
  assert.match(render(tokenizerWith("deepseek-v3"), [user, tool]), /<tool_response>\ny\n<\/tool_response>/);
  for (const name of ["gemma-it", "llama-2"]) {
    assert.throws(() => render(tokenizerWith(name), [user, tool]), InvalidRequestError, name);
    assert.throws(() => render(tokenizerWith(name), [user, user]), /must alternate/, name);
  }
});

Deno.test("the end of a turn ends generation where it is a token", () => {
  const { id } = TINY_TOKENIZER.json.added_tokens.find(({ content }) => content === "<|im_end|>")!;
  assert.deepEqual(tokenizerWith("chatml").eosTokenIds, [7, id]);
  assert.deepEqual(tokenizerWith("llama-3-instruct").eosTokenIds, [7]);
});

Deno.test("a name that nobody knows and that is no file is refused with those that are known", () => {
  assert.throws(
    () => tokenizerWith("chatlm"),
    (error) =>
      error instanceof LoadError && /chatlm: .*; known by name are .*chatml, .*yi-1\.5$/.test(error.message),
  );
});
