/**
 * Seeds of 64 bits on their way from the socket to the sampler's parameters.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { parseBody } from "../../../routes/gate/exact_seeds.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

const least = -(2n ** 63n), largest = 2n ** 63n - 1n;

Deno.test("exact seeds: seeds are read with all their digits, in every endpoint", async (t) => {
  const seeds = [
    0n,
    1n,
    2n ** 32n - 1n,
    2n ** 32n,
    -1n,
    2n ** 53n + 1n,
    largest - 1n,
    largest,
    least,
    least + 1n,
  ];
  const bodies: [path: string, body: (seed: bigint) => string][] = [
    [
      "/v1/chat/completions",
      (seed) => `{"seed" : ${seed}, "messages":[{"role":"user","content":"\\"seed\\": 9"}]}`,
    ],
    ["/v1/completions", (seed) => `{"prompt":"x","seed":\n${seed}}`],
    ["/generate", (seed) => `{"text":"x","sampling_params":{"sampling_seed":${seed}}}`],
    ["/generate", (seed) => `{"text":["x"],"sampling_params":[{"sampling_seed":${seed}}]}`],
    ["/generate", (seed) => `{"text":"x","sampling_params":{"sampling_seed":"${seed}"}}`],
  ];
  for (const [path, body] of bodies) {
    await t.step(body(0n), async () => {
      for (const seed of seeds) {
        const generator = new FakeGenerator();
        assert.equal((await post(appOf(generator), path, body(seed))).status, 200);
        assert.equal(generator.only.request.sampling.seed, seed);
      }
    });
  }
});

Deno.test("exact seeds: a seed or another integer that cannot be exact is refused", async (t) => {
  const cases = [
    [`"seed":${largest + 1n}`, "seed"],
    [`"seed":${least - 1n}`, "seed"],
    [`"seed":1${"0".repeat(400)}`, "seed"],
    [`"seed":9223372036854775807.5`, "seed"],
    [`"seed":9e18`, "seed"],
    [`"seed":"x"`, "seed"],
    [`"\\u0073eed":9223372036854775807`, "seed"],
    [`"max_tokens":9007199254740993`, "max_tokens"],
    [`"top_k":9007199254740993`, "top_k"],
    [`"stop_token_ids":[9007199254740993]`, "stop_token_ids[0]"],
  ];
  for (const seed of [largest + 1n, 2n ** 64n - 1n, -(2n ** 70n)]) {
    const { message } = await fault(
      appOf(new FakeGenerator()),
      "/v1/completions",
      `{"prompt":"x","seed":${seed}}`,
    );
    assert.match(message, /from -2\^63 to 2\^63 - 1$/);
  }
  for (const [field, param] of cases) {
    await t.step(field!.slice(0, 40), async () => {
      assert.equal(
        (await fault(appOf(new FakeGenerator()), "/v1/completions", `{"prompt":"x",${field}}`)).param,
        param,
      );
    });
  }
});

Deno.test("exact seeds: all else is read as JSON.parse does", () => {
  const word = fc.constantFrom(
    '"seed":',
    "seed",
    '"sampling_seed": ',
    "1234567890123456789",
    '\\"',
    "{",
    "x",
  );
  const texts = fc.array(word, { maxLength: 6 }).map((words) => words.join(""));
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.dictionary(texts, fc.oneof(texts, fc.integer(), fc.array(texts))),
      (any, words) => {
        for (const value of [any, words]) {
          for (const json of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
            assert.deepEqual(parseBody(json), JSON.parse(json));
          }
        }
      },
    ),
  );
  assert.throws(() => parseBody('{"seed":01234567890123456789}'), SyntaxError);
});
