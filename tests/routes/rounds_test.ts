// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Verification rounds in answers of the three generating endpoints, whole and streamed.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../routes/schema/chat.ts";
import { completionResponse } from "../../routes/schema/completions.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { speculationRound } from "../../routes/schema/speculation_round.ts";
import { FakeGenerator, roundOf, type Step } from "../support/fake_generator.ts";
import { answer, appOf, events, post } from "../support/http.ts";

const messages = [{ role: "user", content: "Hi" }];
const CHAT = "/v1/chat/completions", COMPLETIONS = "/v1/completions", GENERATE = "/generate";
const asked = { stream_options: { include_speculation: true } };

const finish = { type: "stop", matched: 0 } as const;
/** "abcd" and an end token without text; rounds lag behind tokens and text, and one comes with neither. */
const script: Step[] = [
  { text: "a", tokens: [97], rounds: [roundOf("a")] },
  { tokens: [98, 99] },
  { text: "bc", tokens: [100] },
  { rounds: [roundOf("bc", "bx")] },
  { text: "d", rounds: [roundOf("d", "y")] },
  { tokens: [0], rounds: [{ ...roundOf("\0"), texts: [""] }], finish },
];
const plain = (id: number, text: string) => ({
  tokens: [{ id, text, origin: "plain" }],
  tree: null,
  accepted: [],
  draft_ms: 0,
  verify_ms: 7,
});
const drafted = { draft_ms: 1.235, verify_ms: 7 };
/** The rounds of `script` on the wire. */
const rounds = [
  plain(97, "a"),
  {
    tokens: [{ id: 98, text: "b", origin: "accepted" }, { id: 99, text: "c", origin: "bonus" }],
    tree: { tokens: [98, 120], texts: ["b", "x"], parents: [-1, 0], probabilities: [0.9, 0.81] },
    accepted: [0],
    ...drafted,
  },
  {
    tokens: [{ id: 100, text: "d", origin: "bonus" }],
    tree: { tokens: [121], texts: ["y"], parents: [-1], probabilities: [0.9] },
    accepted: [],
    ...drafted,
  },
  plain(0, ""),
];

/** A chunk of a chat or completion, as far as it shows rounds. */
const chunk = z.object({
  choices: z.array(z.object({
    index: z.int(),
    text: z.string().optional(),
    delta: z.object({ content: z.string().optional() }).optional(),
    finish_reason: z.string().nullable(),
    speculation: z.array(speculationRound.strict()).optional(),
  })),
});

Deno.test("rounds: whole answers have those of each choice", async (t) => {
  const app = appOf(new FakeGenerator(() => script));
  await t.step("chat, n = 2", async () => {
    const { choices } = await answer(app, CHAT, { messages, n: 2, ...asked }, chatResponse);
    assert.deepEqual(choices.map(({ speculation }) => speculation), [rounds, rounds]);
  });
  await t.step("completions, a batch with echo", async () => {
    const body = { prompt: ["x", "y"], n: 2, echo: true, ...asked };
    const { choices } = await answer(app, COMPLETIONS, body, completionResponse);
    assert.deepEqual(choices.map(({ text }) => text), ["xabcd", "xabcd", "yabcd", "yabcd"]);
    assert.deepEqual(choices.map(({ speculation }) => speculation), [rounds, rounds, rounds, rounds]);
  });
  await t.step("generate, one and a batch", async () => {
    const fields = { return_speculation: true };
    const one = await answer(app, GENERATE, { text: "x", ...fields }, generateResult);
    assert.deepEqual(one.speculation, rounds);
    const all = await answer(app, GENERATE, { text: ["x", "y"], ...fields }, z.array(generateResult));
    assert.deepEqual(all.map(({ speculation }) => speculation), [rounds, rounds]);
  });
});

for (const streamInterval of [1, 50]) {
  Deno.test(`rounds: streams have each once and in order, by chunks of ${streamInterval}`, async (t) => {
    const app = appOf(new FakeGenerator(() => script), { streamInterval });
    const bodies = { [CHAT]: { messages }, [COMPLETIONS]: { prompt: "x", echo: true } };
    for (const [path, body] of Object.entries(bodies)) {
      await t.step(`${path}, n = 2`, async () => {
        const chunks = await events(app, path, { ...body, n: 2, ...asked }, chunk);
        const choices = chunks.flatMap(({ choices }) => choices);
        for (const own of [0, 1].map((index) => choices.filter((choice) => choice.index === index))) {
          assert.deepEqual(own.flatMap(({ speculation }) => speculation ?? []), rounds);
          const text = own.map(({ text, delta }) => text ?? delta?.content ?? "").join("");
          assert.equal(text, path === CHAT ? "abcd" : "xabcd");
          assert.deepEqual(own.flatMap(({ finish_reason: reason }) => reason ?? []), ["stop"]);
        }
      });
    }
    await t.step("generate, a batch: new rounds only beside all of the text", async () => {
      const body = { text: ["x", "y"], return_speculation: true };
      const all = await events(app, GENERATE, body, generateResult);
      for (const own of [0, 1].map((prompt) => all.filter(({ index }) => index === prompt))) {
        assert.deepEqual(own.flatMap(({ speculation }) => speculation!), rounds);
        assert.equal(own.at(-1)?.text, "abcd");
      }
    });
  });
}

Deno.test("rounds: those of an answer without text come with its finish", async () => {
  const app = appOf(new FakeGenerator(() => script.slice(-1)));
  const chat = await events(app, CHAT, { messages, ...asked }, chunk);
  assert.deepEqual(chat.map(({ choices: [choice] }) => choice?.speculation), [undefined, [rounds.at(-1)]]);
  const completion = await events(app, COMPLETIONS, { prompt: "x", ...asked }, chunk);
  assert.deepEqual(completion.map(({ choices: [choice] }) => choice?.speculation), [[rounds.at(-1)]]);
});

Deno.test("rounds: a tree with branches, a token that is part of a character, small probabilities", async () => {
  const generator = new FakeGenerator(() => [{
    text: "b",
    tokens: [98, 200],
    rounds: [{
      tokens: Int32Array.of(98, 200),
      texts: ["b", ""],
      tree: {
        tokens: Int32Array.of(97, 98, 99, 200),
        parents: Int32Array.of(-1, -1, 0, 1),
        probabilities: Float32Array.of(0.6, 0.123456, 1e-7, 0),
      },
      // Cut off before a token that the model drew.
      accepted: Int32Array.of(1, 3),
      draftMs: 0.0004,
      verifyMs: 12,
    }],
    finish,
  }]);
  generator.tokenBytes = (token) => Uint8Array.of(token);
  const body = { text: "x", return_speculation: true };
  const { speculation } = await answer(appOf(generator), GENERATE, body, generateResult);
  assert.deepEqual(speculation, [{
    tokens: [{ id: 98, text: "b", origin: "accepted" }, { id: 200, text: "", origin: "accepted" }],
    tree: {
      tokens: [97, 98, 99, 200],
      texts: ["a", "b", "c", "\ufffd"],
      parents: [-1, -1, 0, 1],
      probabilities: [0.6, 0.1235, 1e-7, 0],
    },
    accepted: [1, 3],
    draft_ms: 0,
    verify_ms: 12,
  }]);
});

Deno.test("rounds: many at once are converted in several turns of the event loop", async () => {
  const many = Array.from({ length: 60 }, () => roundOf("a", "x"));
  const generator = new FakeGenerator(() => [{ text: "a", rounds: many, finish }]), app = appOf(generator);
  const bodies = { [CHAT]: { messages, ...asked }, [GENERATE]: { text: "x", return_speculation: true } };
  for (const [path, body] of Object.entries(bodies)) {
    for (const stream of [false, true]) {
      let turn = 0, isOver = false;
      const turns = new Set<number>();
      const next = () => {
        turn++;
        if (!isOver) setImmediate(next);
      };
      setImmediate(next);
      generator.tokenBytes = (token) => {
        for (const endMs = performance.now() + 2; performance.now() < endMs;);
        turns.add(turn);
        return Uint8Array.of(token);
      };
      await (await post(app, path, { ...body, stream })).text();
      isOver = true;
      assert.ok(turns.size >= 5, `${path}: 120 ms in ${turns.size} turns`);
    }
  }
});

Deno.test("rounds: no piece of a chunk's JSON is long, however many it has", async () => {
  const many = Array.from({ length: 60 }, () => roundOf("a", "x"));
  const app = appOf(new FakeGenerator(() => [{ text: "a", rounds: many, finish }]));
  const bodies = {
    [CHAT]: { messages, ...asked },
    [COMPLETIONS]: { prompt: "x", ...asked },
    [GENERATE]: { text: "x", return_speculation: true },
  };
  const { stringify } = JSON;
  for (const [path, body] of Object.entries(bodies)) {
    let longest = 0;
    JSON.stringify = (value: unknown) => {
      const text = stringify(value);
      longest = Math.max(longest, text?.length ?? 0);
      return text;
    };
    try {
      const text = await (await post(app, path, { ...body, stream: true })).text();
      assert.ok(text.length > 60 * 100, `${text.length} characters`);
    } finally {
      JSON.stringify = stringify;
    }
    assert.ok(longest < 500, `${path}: ${longest} characters at once`);
  }
});
