/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { completionResponse } from "../../../routes/schema/completions.ts";
import type { EncodeOptions } from "../../../runtime/contracts/chat.ts";
import type { FillInTheMiddle } from "../../../runtime/contracts/model_info.ts";
import { FakeGenerator, spell, type Step } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../../support/http.ts";

const path = "/v1/completions";
const [PRE, SUF, MID] = [1, 2, 3];
const prefixFirst: FillInTheMiddle = { layout: [PRE, "prefix", SUF, "suffix", MID], endTokenIds: [MID, 4] };
const suffixFirst: FillInTheMiddle = { layout: [SUF, "suffix", PRE, "prefix"], endTokenIds: [4] };

/** Puts `^` before a text where special tokens are added, and a blank where `blank` says so, as SentencePiece does. */
class FillingGenerator extends FakeGenerator {
  readonly #blank: string;

  constructor(
    fillInTheMiddle: FillInTheMiddle,
    { script = () => spell("c"), blank = "" }: { readonly script?: () => Step[]; readonly blank?: string } =
      {},
  ) {
    super(script);
    this.#blank = blank;
    this.model = { ...this.model, tokenizer: { addsBos: true, fillInTheMiddle } };
  }

  override encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): Promise<Int32Array> {
    return super.encode((addSpecialTokens ? "^" : "") + this.#blank + text);
  }
}

/** The prompt as the model sees it. */
async function seen(generator: FakeGenerator, body: object): Promise<string> {
  await answer(appOf(generator), path, { prompt: "ab", suffix: "d", ...body }, z.unknown());
  return String.fromCharCode(...generator.only.request.promptTokens);
}

Deno.test("suffix: the texts stand where the model's family has them, behind bos", async () => {
  assert.equal(await seen(new FillingGenerator(prefixFirst), {}), "^\x01ab\x02d\x03");
  assert.equal(await seen(new FillingGenerator(suffixFirst), {}), "^\x02d\x01ab");
  const plain = { "add_special_tokens": false };
  assert.equal(await seen(new FillingGenerator(prefixFirst), plain), "\x01ab\x02d\x03");
  assert.equal(await seen(new FillingGenerator(prefixFirst), { prompt: [97, 98] }), "^\x01ab\x02d\x03");
  assert.equal(await seen(new FillingGenerator(prefixFirst), { prompt: "" }), "^\x01\x02d\x03");
});

Deno.test("suffix: of a tokenizer that puts a blank before texts the suffix has none", async () => {
  assert.equal(await seen(new FillingGenerator(prefixFirst, { blank: " " }), {}), "^\x01 ab\x02d\x03");
});

Deno.test("suffix: the family's tokens end what is filled in, besides those asked for", async () => {
  const generator = new FillingGenerator(prefixFirst);
  await seen(generator, { "stop_token_ids": [9] });
  assert.deepEqual(generator.only.request.sampling.stopTokenIds, [9, MID, 4]);
});

Deno.test("suffix: an echo is the prompt alone, with its logprobs, whole, in copies and streamed", async () => {
  for (const [layout, start] of [[prefixFirst, 2], [suffixFirst, 4]] as const) {
    const logged = (): Step[] => [{
      text: "c",
      tokens: [99],
      promptLogprobs: [..."^.ab.d."].slice(0, start).map((_, i) => ({ token: i, logprob: -9, top: [] }))
        .concat([
          { token: 97, logprob: -1, top: [] },
          { token: 98, logprob: -2, top: [] },
          { token: 8, logprob: -9, top: [] },
        ]),
      logprobs: [{ token: 99, logprob: -3, top: [] }],
      finish: { type: "length", length: 1 },
    }];
    const body = { prompt: "ab", suffix: "d", echo: true, logprobs: 0, n: 2 };
    const generator = new FillingGenerator(layout, { script: logged });
    const { choices } = await answer(appOf(generator), path, body, completionResponse);
    const chunks = await events(appOf(generator), path, body, completionResponse);
    for (const choice of [...choices, ...chunks.flatMap(({ choices }) => choices)]) {
      assert.equal(choice.text, "abc");
      assert.deepEqual(choice.logprobs, {
        tokens: ["a", "b", "c"],
        token_logprobs: [-1, -2, -3],
        top_logprobs: null,
        text_offset: [0, 1, 2],
      });
    }
  }
});

Deno.test("suffix: what cannot be filled in is refused by name", async () => {
  const none = appOf(new FakeGenerator());
  for (const route of [path, `${path}/render`]) {
    const error = await fault(none, route, { prompt: "a", suffix: "b" });
    assert.deepEqual([error.status, error.param], [400, "suffix"]);
    assert.match(error.message, /org\/tiny fills in no gaps/);
  }
  await answer(none, path, { prompt: "a", suffix: "" }, z.unknown());
  const app = appOf(new FillingGenerator(prefixFirst));
  const long = await fault(app, path, { prompt: "a".repeat(50), suffix: "b".repeat(50) });
  assert.deepEqual([long.status, long.param, long.code], [400, "prompt", "context_length_exceeded"]);
  assert.equal((await fault(app, path, { prompt: [256], suffix: "b" })).param, "prompt");
  assert.equal((await fault(app, path, { prompt: "a", suffix: ["b"] })).param, "suffix");
});
