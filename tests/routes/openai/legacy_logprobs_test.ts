// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { completionResponse } from "../../../routes/schema/completions.ts";
import { FakeGenerator, type Step } from "../../support/fake_generator.ts";
import { answer, appOf, events } from "../../support/http.ts";

const path = "/v1/completions";
const entry = (token: number, top: readonly (readonly [number, number])[] = []) => ({
  token,
  logprob: -1,
  top,
});

/** Tokens 200 and 201 are the halves of a character, 202 a space and a byte, 203 is 200 again. */
class ByteGenerator extends FakeGenerator {
  override tokenBytes(token: number): Uint8Array {
    const bytes = [[0xf0, 0x9f], [0x98, 0x80], [0x20, 0x5c, 0xf0], [0xf0, 0x9f]][token - 200];
    return bytes ? Uint8Array.from(bytes) : super.tokenBytes(token);
  }
}

Deno.test("legacy logprobs: parts of characters are told apart and all asked tokens stay", async () => {
  const top = [[200, -1], [201, -2], [203, -3], [202, -4], [97, -5]] as const;
  const script: Step[] = [{
    text: "😀",
    tokens: [200, 201],
    logprobs: [entry(200, top), entry(201)],
    textOffsets: [0, 0],
    finish: { type: "length", length: 2 },
  }];
  const { choices } = await answer(appOf(new ByteGenerator(() => script)), path, {
    prompt: "x",
    logprobs: 5,
  }, completionResponse);
  assert.deepEqual(choices[0]?.logprobs?.tokens, ["bytes:\\xf0\\x9f", "bytes:\\x98\\x80"]);
  assert.deepEqual(choices[0]?.logprobs?.top_logprobs?.[0], {
    "bytes:\\xf0\\x9f": -1,
    "bytes:\\x98\\x80": -2,
    "token_id:203": -3,
    "bytes: \\x5c\\xf0": -4,
    a: -5,
  });
});

Deno.test("legacy logprobs: offsets count characters behind the echo, and wait until they are certain", async (t) => {
  // The texts of b and c are withheld until d comes.
  const script: Step[] = [
    { text: "", tokens: [128], logprobs: [entry(97)], textOffsets: [0] },
    { text: "😀a", tokens: [97, 98], logprobs: [entry(97), entry(98)], textOffsets: [1, 2] },
    { text: "", tokens: [99], logprobs: [entry(99)], textOffsets: [] },
    { text: "bcd", tokens: [100], logprobs: [entry(100)], textOffsets: [3, 4] },
    { tokens: [0], logprobs: [entry(0)], textOffsets: [5], finish: { type: "stop", matched: 0 } },
  ];
  for (const echo of [false, true]) {
    await t.step(`echo ${echo}`, async () => {
      const promptLogprobs = echo ? [{ token: 121, logprob: null, top: [] }, entry(122)] : [];
      const steps = [{ ...script[0] as object, promptLogprobs }, ...script.slice(1)];
      const request = { prompt: "yz", echo, logprobs: 0 };
      const { choices: [whole] } = await answer(
        appOf(new FakeGenerator(() => steps)),
        path,
        request,
        completionResponse,
      );
      const expected = echo ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, 1, 2, 3, 4, 5];
      assert.deepEqual(whole?.logprobs?.text_offset, expected);
      const chunks = await events(appOf(new FakeGenerator(() => steps)), path, request, completionResponse);
      const parts = chunks.map(({ choices: [choice] }) => choice!);
      assert.equal(parts.map(({ text }) => text).join(""), whole?.text);
      assert.deepEqual(parts.flatMap(({ logprobs }) => logprobs!.text_offset), expected);
      assert.deepEqual(parts.flatMap(({ logprobs }) => logprobs!.tokens), whole?.logprobs?.tokens);
      for (const { logprobs } of parts) assert.equal(logprobs!.tokens.length, logprobs!.text_offset.length);
    });
  }
});

Deno.test("legacy logprobs: what the tokenizer puts before a prompt has no width", async () => {
  class Bos extends FakeGenerator {
    override async encode(text: string): Promise<Int32Array> {
      return Int32Array.of(60, ...await super.encode(text));
    }
    override decode(tokens: readonly number[]): string {
      return super.decode(tokens).replaceAll("<", "<s>");
    }
    override decodeWithStarts(tokens: readonly number[]) {
      return {
        text: this.decode(tokens),
        starts: tokens.map((_, i) => this.decode(tokens.slice(0, i)).length),
      };
    }
  }
  const promptLogprobs = [{ token: 60, logprob: null, top: [] }, entry(97), entry(98)];
  const step: Step = { promptLogprobs, finish: { type: "length", length: 0 } };
  const offsetsOf = async (prompt: string | number[]) => {
    const request = { prompt, echo: true, logprobs: 0, max_tokens: 0 };
    const { choices } = await answer(appOf(new Bos(() => [step])), path, request, completionResponse);
    return [choices[0]?.text, choices[0]?.logprobs?.text_offset];
  };
  assert.deepEqual(await offsetsOf("ab"), ["ab", [0, 0, 1]]);
  assert.deepEqual(await offsetsOf([60, 97, 98]), ["<s>ab", [0, 3, 4]]);
});

Deno.test("legacy logprobs: the echo comes once, in the first chunk, though nothing is generated yet", async () => {
  const script: Step[] = [{ text: "", tokens: [] }, { text: "a", tokens: [97] }, {
    text: "b",
    tokens: [98],
    finish: { type: "length", length: 2 },
  }];
  const generator = new FakeGenerator(() => script);
  const chunks = await events(appOf(generator), path, { prompt: "yz", echo: true }, completionResponse);
  assert.deepEqual(chunks.map(({ choices: [choice] }) => choice?.text), ["yza", "b"]);
});
