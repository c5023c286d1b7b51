/**
 * @module
 */
import { strict as assert } from "node:assert";
import { completionResponse } from "../../../routes/schema/completions.ts";
import { FakeGenerator, type Step } from "../../support/fake_generator.ts";
import { answer, appOf } from "../../support/http.ts";

const path = "/v1/completions";

/** A generation whose tokens have these logprobs. */
function generation(text: string, logprobs: readonly number[]): Step[] {
  return [{
    text,
    tokens: logprobs.map(() => 97),
    logprobs: logprobs.map((logprob) => ({ token: 97, logprob, top: [] })),
    finish: { type: "length", length: logprobs.length },
  }];
}

/** By prompt, then by copy. */
const copies = [
  [
    generation("low", [-5]),
    generation("long", [-1, -1, -1]),
    generation("short", [-2]),
    generation("alike", [-2]),
  ],
  [generation("best", [-1]), generation("none", []), generation("worse", [-3]), generation("next", [-2])],
];

Deno.test("best_of: the n copies with the highest logprob per token are answered, all are counted", async () => {
  const generator = new FakeGenerator((_, index) => copies.flat()[index]!);
  const body = { prompt: ["ab", "c"], n: 2, "best_of": 4, echo: true };
  const { choices, usage } = await answer(appOf(generator), path, body, completionResponse);
  assert.deepEqual(choices.map(({ index, text, logprobs }) => [index, text, logprobs]), [
    [0, "ablong", null],
    [1, "abshort", null],
    [2, "cbest", null],
    [3, "cnext", null],
  ]);
  assert.deepEqual(usage, { "prompt_tokens": 3, "completion_tokens": 6 + 3, "total_tokens": 12 });
  assert.ok(generator.seen.every(({ request }) => request.sampling.numLogprobs === 0));
});

Deno.test("best_of: logprobs that are asked for are those of the answered copy", async () => {
  const generator = new FakeGenerator((_, index) => copies[0]![index]!);
  const body = { prompt: "x", "best_of": 2, logprobs: 0 };
  const { choices: [choice] } = await answer(appOf(generator), path, body, completionResponse);
  assert.deepEqual(choice?.logprobs?.token_logprobs, [-1, -1, -1]);
});

Deno.test("best_of: as many as n are answered as they came, without logprobs", async () => {
  const generator = new FakeGenerator((_, index) => copies[0]![index]!);
  const { choices } = await answer(
    appOf(generator),
    path,
    { prompt: "x", n: 3, "best_of": 3 },
    completionResponse,
  );
  assert.deepEqual(choices.map(({ text }) => text), ["low", "long", "short"]);
  assert.ok(generator.seen.every(({ request }) => request.sampling.numLogprobs === -1));
});
