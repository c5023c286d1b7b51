/** Answers as the page follows them: to their end, or to what cuts them off. */
import { strict as assert } from "node:assert";
import { errorResponse, toErrorReply } from "../../../routes/answers/errors.ts";
import {
  AerieError,
  InvalidRequestError,
  OverloadedError,
  UnavailableError,
} from "../../../runtime/contracts/errors.ts";
import type { Answer } from "../../../web/api/answer.ts";
import { streamChat } from "../../../web/api/chat_stream.ts";
import { chunk, streamed } from "../../support/chat_events.ts";
import { PageServer } from "../../support/page_server.ts";
import { plainRound } from "../tokens/canned_answers.ts";

const question = { messages: [{ role: "user", content: "Hi" }], fields: { seed: 1 }, apiKey: "" } as const;

const EVENTS = { headers: { "Content-Type": "text/event-stream" } };

async function ask(
  answer: (request: Request) => Response | Promise<Response>,
  { signal = new AbortController().signal, apiKey = "", onChange = (_: Answer) => {} } = {},
): Promise<Answer> {
  await using _server = new PageServer(answer);
  return await streamChat({ ...question, apiKey }, onChange, signal);
}

async function* greeting() {
  yield chunk("");
  yield { ...chunk("Hel"), usage: { "prompt_tokens": 9, "completion_tokens": 1 } };
  yield chunk("lo");
  yield { ...chunk("", "length"), usage: { "prompt_tokens": 9, "completion_tokens": 2 } };
  yield { choices: [], usage: { "prompt_tokens": 9, "completion_tokens": 2 } };
}

Deno.test("chat stream: an answer grows and ends with its reason and counts", async () => {
  let body: Record<string, unknown> = {}, key: string | null = "";
  const states: Answer[] = [];
  const answer = await ask(async (request) => {
    key = request.headers.get("Authorization");
    body = await request.json();
    return streamed(greeting);
  }, { apiKey: "secret", onChange: (state) => states.push(state) });
  const { text, state, finishReason, numPromptTokens, numTokens, firstAt, lastAt } = answer;
  assert.deepEqual({ text, state, finishReason, numPromptTokens, numTokens }, {
    text: "Hello",
    state: "ended",
    finishReason: "length",
    numPromptTokens: 9,
    numTokens: 2,
  });
  assert.ok(answer.sentAt <= firstAt! && firstAt! <= lastAt!);
  assert.equal(key, "Bearer secret");
  assert.deepEqual([body.messages, body.seed, body.stream], [question.messages, 1, true]);
  assert.equal(states[0]!.state, "waiting");
  assert.equal(states.at(-1), answer);
});

Deno.test("chat stream: rounds are those of all chunks, and a state's list does not change any more", async () => {
  const states: Answer[] = [];
  let go = () => {};
  const seen = new Promise<void>((resolve) => go = resolve);
  const answer = await ask(() =>
    streamed(async function* () {
      yield { choices: [{ ...chunk("a").choices[0], speculation: [plainRound("a")] }] };
      await seen;
      yield {
        choices: [{ ...chunk("bc", "stop").choices[0], speculation: [plainRound("b"), plainRound("c")] }],
      };
    }), {
    onChange: (state) => {
      states.push(state);
      if (state.rounds.length === 1) go();
    },
  });
  assert.deepEqual(answer.rounds, [plainRound("a"), plainRound("b"), plainRound("c")]);
  assert.deepEqual(states.find(({ text }) => text === "a")!.rounds, [plainRound("a")]);
});

Deno.test("chat stream: many chunks in one frame are told of once", async () => {
  let numStates = 0;
  const answer = await ask(() =>
    streamed(async function* () {
      for (let i = 0; i < 2000; i++) yield chunk("x");
      yield chunk("", "stop");
    }), { onChange: () => numStates++ });
  assert.equal(answer.text.length, 2000);
  assert.ok(numStates < 1000, `${numStates} states`);
});

Deno.test("chat stream: what the user stops keeps its text", async () => {
  const abort = new AbortController();
  const answer = await ask(() =>
    streamed(async function* () {
      yield chunk("Once");
      await new Promise((resolve) => abort.signal.addEventListener("abort", resolve));
    }), { signal: abort.signal, onChange: ({ text }) => text === "Once" && abort.abort() });
  assert.deepEqual([answer.state, answer.text, answer.failure], ["stopped", "Once", undefined]);
});

Deno.test("chat stream: a stop before the answer began is a stop", async () => {
  const answer = await ask(() => streamed(greeting), { signal: AbortSignal.abort() });
  assert.equal(answer.state, "stopped");
});

Deno.test("chat stream: an error in the middle keeps the text and has the server's words", async () => {
  const answer = await ask(() =>
    streamed(async function* () {
      yield chunk("Once");
      throw new UnavailableError("Cannot finish request: server is stopping");
    })
  );
  assert.deepEqual([answer.state, answer.text], ["failed", "Once"]);
  assert.deepEqual(answer.failure, {
    kind: "overloaded",
    message: "Cannot finish request: server is stopping",
  });
});

Deno.test("chat stream: a connection that ends in the middle leaves the text", async () => {
  const encoder = new TextEncoder(),
    event = (data: unknown) => encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
  for (const ending of ["closes", "breaks"]) {
    const answer = await ask(() =>
      new Response(
        new ReadableStream({
          async pull(out) {
            out.enqueue(event(chunk("Once")));
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (ending === "closes") out.close();
            else out.error(new Error("gone"));
          },
        }),
        EVENTS,
      )
    );
    assert.deepEqual([answer.state, answer.text, answer.failure!.kind], ["failed", "Once", "unreachable"]);
  }
});

Deno.test("chat stream: no server is a failure, too", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr;
  listener.close();
  const fetched = globalThis.fetch;
  globalThis.fetch = (_, init) => fetched(`http://127.0.0.1:${port}/`, init);
  try {
    const answer = await streamChat(question, () => {}, new AbortController().signal);
    assert.deepEqual([answer.state, answer.failure!.kind], ["failed", "unreachable"]);
  } finally {
    globalThis.fetch = fetched;
  }
});

Deno.test("chat stream: refusals are of their kind, with message, field and time", async () => {
  const failureTo = async (error: AerieError) =>
    (await ask(() => errorResponse(toErrorReply(error)))).failure!;
  assert.deepEqual(await failureTo(new AerieError("unauthorized", "Cannot authorize")), {
    kind: "unauthorized",
    message: "Cannot authorize",
  });
  assert.deepEqual(await failureTo(new OverloadedError("Cannot queue", 4200)), {
    kind: "overloaded",
    message: "Cannot queue",
    retryAfterS: 5,
  });
  assert.deepEqual(await failureTo(new UnavailableError("Cannot start")), {
    kind: "overloaded",
    message: "Cannot start",
    retryAfterS: 1,
  });
  assert.deepEqual(await failureTo(new InvalidRequestError("Cannot accept top_p: too big", "top_p")), {
    kind: "refused",
    message: "Cannot accept top_p: too big",
    param: "top_p",
  });
});

Deno.test("chat stream: a proxy's page is a failure without its markup", async () => {
  const page = (status: number) => new Response("<html><h1>Bad gateway</h1></html>", { status });
  assert.deepEqual((await ask(() => page(502))).failure, {
    kind: "unreachable",
    message: "The server answered with status 502",
  });
  assert.equal((await ask(() => page(200))).state, "failed");
});

Deno.test("chat stream: a date in Retry-After counts from now", async () => {
  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  const { failure } = await ask(() =>
    new Response("{}", { status: 429, headers: { "Retry-After": inAMinute } })
  );
  assert.ok(failure!.retryAfterS! > 50 && failure!.retryAfterS! <= 60, String(failure!.retryAfterS));
});

Deno.test("chat stream: a key that no header can carry is a wrong key", async () => {
  const { failure } = await ask(() => streamed(greeting), { apiKey: "schlüssel…" });
  assert.equal(failure!.kind, "unauthorized");
});

Deno.test("chat stream: an event that is no JSON fails and keeps the text", async () => {
  const body = `data: ${JSON.stringify(chunk("a"))}\n\ndata: {oops\n\n`;
  const answer = await ask(() => new Response(body, EVENTS));
  assert.deepEqual([answer.state, answer.text, answer.failure!.kind], ["failed", "a", "broken"]);
});

Deno.test("chat stream: an answer of something that is no Aerie says what came, not that the server is gone", async () => {
  const page = await ask(() =>
    new Response("<h1>Sign in</h1>", { headers: { "Content-Type": "text/html" } })
  );
  assert.equal(page.failure!.kind, "broken");
  assert.match(page.failure!.message, /^Status 200 with text\/html in place of an answer/);
  const nothing = await ask(() => new Response(null, { status: 204 }));
  assert.match(nothing.failure!.message, /^Status 204 with nothing/);
});

Deno.test("chat stream: events that are no chunks end the answer, and what there was of it stays", async () => {
  const round = { tokens: [{ id: 1, text: "b", origin: "plain" }], tree: null, accepted: [], "verify_ms": 1 };
  for (
    const event of [
      null,
      5,
      { choices: {} },
      { choices: [null] },
      { choices: [{ delta: { content: { a: 1 } } }] },
      { choices: [{ ...chunk("b").choices[0], speculation: [null] }] },
      { choices: [{ ...chunk("b").choices[0], speculation: [round] }] },
    ]
  ) {
    const answer = await ask(() =>
      streamed(async function* () {
        yield chunk("a");
        yield event;
        yield chunk("c", "stop");
      })
    );
    assert.deepEqual([answer.state, answer.text], ["failed", "a"], JSON.stringify(event));
    assert.deepEqual(answer.failure, { kind: "broken", message: "Cannot read what the server sent" });
  }
});

Deno.test("chat stream: a fault of the server is not called one of the request", async () => {
  const { failure } = await ask(() => new Response("boom", { status: 500 }));
  assert.deepEqual(failure, { kind: "broken", message: "The server answered with status 500" });
});
