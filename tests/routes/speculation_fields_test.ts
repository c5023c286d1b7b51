// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * What requests say about speculation, on the three generating endpoints, and what they get who say nothing.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { speculationRound } from "../../routes/schema/speculation_round.ts";
import { FakeGenerator, roundOf, spell, type Step } from "../support/fake_generator.ts";
import { answer, appOf, fault, post } from "../support/http.ts";

const messages = [{ role: "user", content: "Hi" }];
const CHAT = "/v1/chat/completions", COMPLETIONS = "/v1/completions", GENERATE = "/generate";
const asked = { stream_options: { include_speculation: true } };
/** Each endpoint, its prompt, and how it is asked for rounds. */
const ENDPOINTS = [
  [CHAT, { messages }, asked],
  [COMPLETIONS, { prompt: "x" }, asked],
  [GENERATE, { text: "x" }, { return_speculation: true }],
] as const;

/** "a" and an end token, with rounds that nobody asked for. */
const script: Step[] = [
  { text: "a", tokens: [97], rounds: [roundOf("a", "a")] },
  { tokens: [0], rounds: [roundOf("\0")], finish: { type: "stop", matched: 0 } },
];

Deno.test("speculation: rounds are not shown unless asked for, and chunks are as ever", async (t) => {
  const app = appOf(new FakeGenerator(() => script));
  const made = (object: string) => `"id":"r","created":0,"model":"org/tiny","object":"${object}"`;
  const delta = (delta: string, rest: string) =>
    `data: {${made("chat.completion.chunk")},"choices":[{"index":0,"delta":{${delta}` +
    `"reasoning_content":null},"logprobs":null,${rest}}]}\n\n`;
  const running = `"finish_reason":null,"matched_stop":null`,
    ended = `"finish_reason":"stop","matched_stop":0`;
  const completion = (text: string, rest: string) =>
    `data: {"id":"r","object":"text_completion","created":0,"model":"org/tiny","choices":` +
    `[{"index":0,"text":"${text}","logprobs":null,${rest}}]}\n\n`;
  const native = (ids: string, reason: string, counts: string) =>
    `data: {"text":"a","output_ids":[${ids}],"meta_info":{"id":"r","finish_reason":${reason},"prompt_tokens":1,` +
    `"completion_tokens":${counts},"cached_tokens":3,"num_retractions":0,"weight_version":"default"`;
  const streams = {
    [CHAT]: delta(`"role":"assistant","content":"",`, running) + delta(`"content":"a",`, running) +
      delta("", ended),
    [COMPLETIONS]: completion("a", running) + completion("", ended),
    [GENERATE]: `${native("97", "null", "1")}}}\n\n` +
      `${native("97,0", `{"type":"stop","matched":0}`, "2")},"e2e_latency":0}}\n\n`,
  };
  const off = [
    {},
    { speculative: true },
    { speculative: null },
  ];
  for (const [path, body] of ENDPOINTS) {
    const refusal = path === GENERATE
      ? [{ return_speculation: false }, { return_speculation: null }]
      : [{ include_speculation: false }, { include_speculation: null }, {}, null]
        .map((stream_options) => ({ stream_options }));
    for (const fields of [...off, ...refusal]) {
      await t.step(`${path} ${JSON.stringify(fields)}`, async () => {
        const response = await post(app, path, { ...body, ...fields, rid: "r", stream: true });
        const text = (await response.text()).replace(/("created"|"e2e_latency"):[\d.e-]+/g, "$1:0");
        assert.equal(text, `${streams[path]}data: [DONE]\n\n`);
        const whole = await (await post(app, path, { ...body, ...fields })).text();
        assert.doesNotMatch(whole, /speculation/);
      });
    }
  }
});

Deno.test("speculation: what is asked for reaches every generation", async (t) => {
  for (const [path, body, fields] of ENDPOINTS) {
    await t.step(path, async () => {
      const generator = new FakeGenerator(() => spell("a")), app = appOf(generator);
      const batch = path === CHAT
        ? { ...body, n: 2 }
        : path === GENERATE
        ? { text: ["x", "y"] }
        : { prompt: ["x", "y"] };
      const wishes = [{}, { speculative: true }, { speculative: false }, fields, {
        ...fields,
        speculative: false,
      }];
      for (const wish of wishes) await answer(app, path, { ...batch, ...wish }, z.unknown());
      const seen = generator.seen.map(({ request }) => [request.speculative, request.reportsRounds]);
      const expected = [[undefined, undefined], [undefined, undefined], [false, undefined]];
      const each = [...expected, [undefined, true], [false, true]];
      assert.deepEqual(seen, each.flatMap((one) => [one, one]));
    });
  }
});

Deno.test("speculation: what is wrong is named", async (t) => {
  const options = (fields: object) => ({ stream_options: fields });
  const cases: [path: string, body: object, fields: object, param: string][] = [
    ...ENDPOINTS.flatMap(([path, body]): typeof cases => [
      [path, body, { speculative: "no" }, "speculative"],
      [path, body, { speculative: 0 }, "speculative"],
    ]),
    [GENERATE, { text: "x" }, { return_speculation: 1 }, "return_speculation"],
    [GENERATE, { text: ["x", "y"] }, { return_speculation: [true, false] }, "return_speculation"],
    [GENERATE, { text: "x" }, asked, "stream_options"],
    [CHAT, { messages }, options({ include_speculation: "yes" }), "stream_options.include_speculation"],
    [
      COMPLETIONS,
      { prompt: "x" },
      options({ include_speculation: [] }),
      "stream_options.include_speculation",
    ],
    ...[true, "include_speculation", ["include_speculation"]].map((stream_options): typeof cases[number] => [
      CHAT,
      { messages },
      { stream_options },
      "stream_options",
    ]),
    [CHAT, { messages }, options({ include_rounds: true }), "stream_options.include_rounds"],
    [CHAT, { messages }, { return_speculation: true }, "return_speculation"],
    [CHAT, { messages }, { ...asked, return_speculation: true }, "return_speculation"],
    [COMPLETIONS, { prompt: "x" }, { ...asked, return_speculation: true }, "return_speculation"],
    [GENERATE, { text: "x" }, { ...asked, return_speculation: true }, "stream_options"],
    ...([[CHAT, { messages }], [COMPLETIONS, { prompt: "x" }]] as const).map((one): typeof cases[number] => [
      ...one,
      { ...asked, n: 1e9 },
      "n",
    ]),
    [
      GENERATE,
      { text: "x" },
      { return_speculation: true, sampling_params: { n: 1e9 } },
      "sampling_params.n",
    ],
    [CHAT, { messages }, options({ include_speculation: true, include_usage: true }), "stream_options"],
    [COMPLETIONS, { prompt: "x" }, options({ continuous_usage_stats: true }), "stream_options"],
  ];
  const app = appOf(new FakeGenerator());
  for (const [path, body, fields, param] of cases) {
    await t.step(`${path} ${JSON.stringify(fields)}`, async () => {
      const error = await fault(app, path, { ...body, ...fields });
      assert.deepEqual([error.status, error.param], [400, param], error.message);
    });
  }
});

Deno.test("speculation: the example of docs/speculation.md is one", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/speculation.md", import.meta.url));
  const [, example] = /```json\n([^]*?)```/.exec(page)!;
  const rounds = z.array(speculationRound.strict()).parse(JSON.parse(example!));
  assert.deepEqual(rounds.map(({ tree }) => tree?.tokens.length), [undefined, 5]);
});

Deno.test("speculation: the document has rounds and their bounds, and the fields that ask for them", async () => {
  const { components: { schemas } } = await (await appOf(new FakeGenerator()).request("/openapi.json"))
    .json();
  const round = { $ref: "#/components/schemas/SpeculationRound" };
  for (const name of ["ChatResponse", "CompletionResponse"]) {
    assert.deepEqual(schemas[name].properties.choices.items.properties.speculation.items, round, name);
  }
  assert.deepEqual(schemas.GenerateResult.properties.speculation.items, round);
  const { tokens, tree, accepted } = schemas.SpeculationRound.properties;
  const lists = [tokens, accepted, ...Object.values(tree.properties)] as { maxItems: number }[];
  assert.deepEqual(lists.map(({ maxItems }) => maxItems), [64, 64, 64, 64, 64, 64]);
  for (const name of ["ChatRequest", "CompletionRequest"]) {
    const { stream_options: options, speculative } = schemas[name].properties;
    assert.deepEqual(options.properties.include_speculation.type, ["boolean", "null"]);
    assert.deepEqual(speculative.type, ["boolean", "null"]);
  }
});
