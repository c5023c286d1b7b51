// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { scoreResponse } from "../../../routes/native/score.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

/** A model by which a token has the probability 1 / (token + 1) behind any text. */
function scoring(): FakeGenerator {
  return new FakeGenerator(({ sampling }) => {
    const chosen = sampling.logprobTokens.map((token) => -Math.log(token + 1));
    return [{ next: { token: 0, logprob: 0, top: [], chosen }, finish: { type: "length", length: 0 } }];
  });
}

function score(generator: FakeGenerator, body: object) {
  return answer(appOf(generator), "/v1/score", body, scoreResponse);
}

function nearly(actual: number[][], expected: number[][]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((item, i) => {
    assert.equal(actual[i]!.length, item.length);
    item.forEach((value, j) => assert.ok(Math.abs(actual[i]![j]! - value) < 1e-12, `${actual} ${expected}`));
  });
}

Deno.test("score: labels are scored as the token behind query and item", async () => {
  const generator = scoring();
  const body = { query: "ab", items: ["c", "de"], label_token_ids: [1, 3] };
  const { scores, usage, token_logprobs, model } = await score(generator, body);
  nearly(scores, [[1 / 2, 1 / 4], [1 / 2, 1 / 4]]);
  assert.deepEqual([usage.prompt_tokens, token_logprobs, model], [7, null, "org/tiny"]);
  const asked = generator.seen.map(({ request: { promptTokens, sampling } }) =>
    [String.fromCharCode(...promptTokens), sampling.maxTokens] as const
  );
  assert.deepEqual(asked, [["abc", 0], ["abde", 0]]);
});

Deno.test("score: softmax over the labels, at a temperature, and the logprobs beside it", async () => {
  const body = { query: "", items: "a", label_token_ids: [1, 3], apply_softmax: true };
  nearly((await score(scoring(), body)).scores, [[2 / 3, 1 / 3]]);
  const { scores, token_logprobs } = await score(scoring(), {
    ...body,
    temperature: 0.5,
    return_token_logprobs: true,
  });
  nearly(scores, [[4 / 5, 1 / 5]]);
  nearly(token_logprobs!, [[-Math.log(2), -Math.log(4)]]);
});

Deno.test("score: token ids, items first, labels by item, no items", async () => {
  const generator = scoring();
  const body = { query: [9, 8], items: [[7], [6, 5]], label_token_ids: [[1], [2, 3]], item_first: true };
  nearly((await score(generator, body)).scores, [[1 / 2], [1 / 3, 1 / 4]]);
  assert.deepEqual(
    generator.seen.map(({ request }) => [...request.promptTokens]),
    [[7, 9, 8], [6, 5, 9, 8]],
  );
  const none = { model: null, query: "a", items: [], label_token_ids: [1] };
  assert.deepEqual((await score(scoring(), none)).scores, []);
});

Deno.test("score: what does not fit together is refused by name", async () => {
  const app = appOf(scoring());
  const base = { query: "a", items: ["b", "c"], label_token_ids: [1] };
  const cases: [changes: object, param: string][] = [
    [{ query: [1] }, "query"],
    [{ items: [[1]] }, "query"],
    [{ label_token_ids: [1, 1] }, "label_token_ids"],
    [{ label_token_ids: [256] }, "label_token_ids"],
    [{ label_token_ids: [[1]] }, "label_token_ids"],
    [{ label_token_ids: [] }, "label_token_ids"],
    [{ label_token_ids: undefined }, "label_token_ids"],
    [{ temperature: 2 }, "temperature"],
    [{ score_extraction_token: "<s>" }, "score_extraction_token"],
    [{ items: ["x".repeat(200)] }, "items"],
    [{ label_token_ids: Array.from({ length: 129 }, (_, i) => i) }, "label_token_ids"],
    [{ items: Array(1025).fill("a") }, "items"],
    [{ model: "other" }, "model"],
  ];
  for (const [changes, param] of cases) {
    assert.equal(
      (await fault(app, "/v1/score", { ...base, ...changes })).param,
      param,
      JSON.stringify(changes),
    );
  }
});

Deno.test("score: a generation that is aborted is an error, not a score", async () => {
  const app = appOf(new FakeGenerator(() => [{ finish: { type: "abort", message: "Aborted" } }]));
  assert.equal((await fault(app, "/v1/score", { items: "a", label_token_ids: [1] })).status, 503);
});
