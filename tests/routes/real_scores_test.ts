// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Log-probabilities of chosen tokens and of prompts, over a real engine.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../routes/schema/chat.ts";
import { completionResponse } from "../../routes/schema/completions.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { answer, type App, events } from "../support/http.ts";
import { assertEachClose } from "../support/close.ts";
import { testBothWays } from "../support/real_app.ts";

type Triples = NonNullable<z.infer<typeof generateResult>["meta_info"]["input_top_logprobs"]>;

const prompt = "the rain in spain stays mainly in the plain, the rain in spain";

function generate(app: App, sampling_params: object, fields: object) {
  return answer(
    app,
    "/generate",
    { text: prompt, sampling_params, return_logprob: true, ...fields },
    generateResult,
  );
}

/** Both lists have the same logprob wherever they have the same token; returns how many there are. */
function agree(chosen: Triples, top: Triples, label: string): number {
  assert.equal(chosen.length, top.length, label);
  const pairs = chosen.flatMap((entries, position) => {
    assert.equal(entries === null, top[position] === null, label);
    return (entries ?? []).flatMap(([logprob, id]) =>
      top[position]!.filter(([, other]) => other === id).map(([other]) => [logprob!, other!] as const)
    );
  });
  assertEachClose(pairs.map(([a]) => a), pairs.map(([, b]) => b), 1e-5, label);
  return pairs.length;
}

testBothWays("token_ids_logprob agrees with the most probable tokens of the same positions", async (app) => {
  for (const temperature of [0, 0.8]) {
    const sampling = { temperature, sampling_seed: 5, max_new_tokens: 24, ignore_eos: true };
    const wanted = { logprob_start_len: 0, top_logprobs_num: 20 };
    const { meta_info: first } = await generate(app, sampling, wanted);
    // The most probable of an early position, of a late one, and what was drawn there.
    const ids = [
      ...new Set([3, 20].flatMap((at) => first.output_top_logprobs![at]!.slice(0, 9).map(([, id]) => id))),
    ];
    const { meta_info: meta, output_ids } = await generate(app, sampling, {
      ...wanted,
      token_ids_logprob: ids,
    });
    assert.deepEqual(meta.output_top_logprobs, first.output_top_logprobs, "asking changes nothing");
    assert.equal(meta.input_token_ids_logprobs![0], null, "nothing predicts the first token");
    for (const entries of [...meta.input_token_ids_logprobs!.slice(1), ...meta.output_token_ids_logprobs!]) {
      assert.deepEqual(entries!.map(([, id]) => id), ids);
    }
    const numInput = agree(meta.input_token_ids_logprobs!, meta.input_top_logprobs!, "input");
    const numOutput = agree(meta.output_token_ids_logprobs!, meta.output_top_logprobs!, "output");
    assert.ok(numInput > 50 && numOutput > 18, `${numInput} and ${numOutput} compared`);

    // Those of the prompt's end alone, nothing generated; a list per prompt; one id.
    const start = meta.prompt_tokens - 4;
    const scored = await answer(
      app,
      "/generate",
      {
        text: [prompt, prompt],
        sampling_params: { ...sampling, max_new_tokens: 0 },
        return_logprob: true,
        logprob_start_len: start,
        token_ids_logprob: [ids.slice(0, 2), []],
      },
      z.array(generateResult),
    );
    assert.deepEqual(
      scored[0]!.meta_info.input_token_ids_logprobs,
      meta.input_token_ids_logprobs!.slice(start).map((entries) => entries!.slice(0, 2)),
    );
    const next = meta.output_token_ids_logprobs![0]!.slice(0, 2);
    assert.deepEqual(scored[0]!.meta_info.output_token_ids_logprobs, [next], "what may come next");
    assert.deepEqual([scored[0]!.output_ids, scored[0]!.meta_info.output_token_logprobs], [[], []]);
    assert.equal(scored[1]!.meta_info.input_token_ids_logprobs, undefined);
    const one = await generate(app, sampling, { token_ids_logprob: output_ids[0] });
    const [triple] = one.meta_info.output_token_ids_logprobs![0]!;
    assertEachClose([triple![0]!], [one.meta_info.output_token_logprobs![0]![0]!], 1e-6, "the drawn one");
    const chunks = await events(
      app,
      "/generate",
      { text: prompt, sampling_params: sampling, return_logprob: true, token_ids_logprob: ids, stream: true },
      generateResult,
    );
    assert.deepEqual(chunks.at(-1)!.meta_info.output_token_ids_logprobs, meta.output_token_ids_logprobs);
  }
});

testBothWays("prompt_logprobs agree with the echo's, beside other logprobs and alone", async (app) => {
  const fields = { prompt, max_tokens: 3, temperature: 0, return_token_ids: true };
  const ask = async (more: object) =>
    (await answer(app, "/v1/completions", { ...fields, ...more }, completionResponse)).choices[0]!;
  const both = await ask({ prompt_logprobs: 5, echo: true, logprobs: 2 });
  const echo = await ask({ echo: true, logprobs: 2 }), alone = await ask({ prompt_logprobs: 5 });
  assert.deepEqual(both.logprobs, echo.logprobs);
  assert.deepEqual([echo.prompt_logprobs, alone.logprobs], [undefined, null]);
  assert.deepEqual(alone.prompt_logprobs, both.prompt_logprobs);
  const ids = both.prompt_token_ids!;
  assert.equal(both.prompt_logprobs!.length, ids.length);
  assert.equal(both.prompt_logprobs![0], null);
  both.prompt_logprobs!.slice(1).forEach((entries, i) => {
    const own = entries![ids[i + 1]!]!;
    assert.equal(own.logprob, echo.logprobs!.token_logprobs[i + 1]);
    const byRank = Object.values(entries!).sort((a, b) => a.rank - b.rank);
    assert.deepEqual(byRank.slice(0, 5).map(({ rank }) => rank), [1, 2, 3, 4, 5]);
    assert.equal(byRank.length, own.rank <= 5 ? 5 : 6);
    for (let n = 1; n < byRank.length; n++) assert.ok(byRank[n]!.logprob <= byRank[n - 1]!.logprob);
  });
  const none = await ask({ prompt_logprobs: 0, max_tokens: 0 });
  assert.deepEqual(
    none.prompt_logprobs!.slice(1).map((entries) => Object.keys(entries!)),
    ids.slice(1).map((id) => [`${id}`]),
  );

  const chat = { messages: [{ role: "user", content: "hi" }], max_tokens: 3, temperature: 0 };
  const said = await answer(
    app,
    "/v1/chat/completions",
    { ...chat, prompt_logprobs: 1, return_token_ids: true, logprobs: true },
    chatResponse,
  );
  assert.equal(said.prompt_logprobs!.length, said.prompt_token_ids!.length);
  assert.equal(said.choices[0]!.logprobs!.content.length, said.choices[0]!.token_ids!.length);
});

testBothWays("equal cache keys share a prefix, others do not", async (app) => {
  const cached = async (fields: object) => {
    const body = { text: prompt, sampling_params: { max_new_tokens: 1 }, ...fields };
    return (await answer(app, "/generate", body, generateResult)).meta_info.cached_tokens;
  };
  assert.equal(await cached({}), 0);
  const hit = await cached({});
  assert.ok(hit > 0);
  const keys = [{ cache_salt: "a" }, { cache_salt: "b" }, { extra_key: "a" }, {
    cache_salt: "a",
    extra_key: "a",
  }];
  for (const key of keys) assert.equal(await cached(key), 0, JSON.stringify(key));
  for (const key of [{}, ...keys]) assert.equal(await cached(key), hit, JSON.stringify(key));
});
