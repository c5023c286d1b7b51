// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * The real server on the real model, from the first log line to the exit code.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { eagle3Flags, needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const model = "smol";
const flags = ["--model-path", modelPath, "--served-model-name", model, "--context-length", "2048"];
const messages = [{ role: "user" as const, content: "Tell me a long story about a lighthouse." }];

/** More tokens than a test waits for. */
const endless = { max_tokens: 1800, ignore_eos: true, temperature: 0 };

function clientOf(server: ServerProcess, apiKey = "none"): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
}

async function startStream(client: OpenAI, options: object) {
  return await client.chat.completions.create({ model, messages, ...options, stream: true });
}

Deno.test({ name: "serve: says what it does while it starts, in SGLang's words", ignore }, async () => {
  await using server = await ServerProcess.start([...flags, "--api-key", "secret"]);
  const expected = [
    "server_args=ServerArgs(model_path='",
    "Load weight begin.",
    "Load weight end.",
    "KV Cache is allocated.",
    "max_total_num_tokens=",
    `Listening on ${server.url}`,
    '"POST /generate HTTP/1.1" 200 OK',
    "The server is fired up and ready to roll!",
  ];
  const found = expected.map((text) => server.log.findIndex((line) => line.includes(text)));
  assert(!found.includes(-1), `${JSON.stringify(found)} of\n${server.log.join("\n")}`);
  assert.deepEqual(found, found.toSorted((a, b) => a - b), "in this order");
  assert(!server.log.join().includes("secret"));

  await assert.rejects(clientOf(server).models.list(), OpenAI.AuthenticationError);
  const models = await clientOf(server, "secret").models.list();
  assert.deepEqual(models.data.map(({ id }) => id), [model]);
  const health = await fetch(`${server.url}/health`);
  await health.body?.cancel();
  assert.equal(health.status, 200);
});

Deno.test(
  { name: "serve: streams the same with and without speculation, alone and at once", ignore },
  async () => {
    const say = async (server: ServerProcess, seed: number): Promise<string> => {
      const sampling = seed % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, top_p: 0.9, seed };
      const content = `Explain in detail how to bake ${["bread", "a cake", "pizza", "pie"][seed]}.`;
      const stream = await clientOf(server).chat.completions.create({
        model,
        messages: [{ role: "user", content }],
        max_tokens: 64,
        ...sampling,
        stream: true,
      });
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      return text;
    };
    const saidBy = async (server: ServerProcess) => [
      await say(server, 0),
      await say(server, 1),
      ...await Promise.all([0, 1, 2, 3].map((seed) => say(server, seed))),
    ];
    await using plain = await ServerProcess.start([...flags, "--speculative-algorithm", "NONE"]);
    const expected = await saidBy(plain);
    await using speculating = await ServerProcess.start([...flags, ...eagle3Flags(3)]);
    assert.deepEqual(await saidBy(speculating), expected);
    assert(expected.every((text) => text.length > 100), expected.join("\n"));
    const info = await (await fetch(`${speculating.url}/get_server_info`)).json();
    assert(info.internal_states[0].avg_spec_accept_length > 1.2, JSON.stringify(info.internal_states[0]));
  },
);

Deno.test(
  { name: "serve: chats with the official client and survives what clients do", ignore },
  async () => {
    await using server = await ServerProcess.start(flags);
    const client = clientOf(server);

    const question = [{ role: "user" as const, content: "Name three fruits." }];
    const options = { model, messages: question, temperature: 0, max_tokens: 32 };
    let streamed = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      streamed += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.match(streamed, /apple|banana|orange/i);
    const whole = await client.chat.completions.create(options);
    assert.equal(whole.choices[0]!.message.content, streamed, "streamed or not, the text is the same");
    assert.equal(whole.usage?.completion_tokens, usage?.completion_tokens);

    const left = await startStream(client, endless);
    for await (const _ of left) break;
    let state = await stateOf(server);
    while (state.num_running > 0) state = await stateOf(server);
    assert(state.generated_tokens < endless.max_tokens, "the generation stopped, it was not finished");

    const tooLong = [{ role: "user" as const, content: "word ".repeat(3000) }];
    const wrong = [
      [{ max_tokens: -1 }, 400, "max_tokens"],
      [{ temperature: "hot" }, 400, "temperature"],
      [{ no_such_field: 1 }, 400, "no_such_field"],
      [{ messages: tooLong }, 400, "context length"],
      [{ model: "gpt-9" }, 404, "gpt-9"],
    ] as const;
    for (const [fields, status, named] of wrong) {
      const request = { ...options, ...fields } as typeof options;
      await assert.rejects(
        client.chat.completions.create(request),
        (error) =>
          error instanceof OpenAI.APIError && error.status === status && error.message.includes(named),
        `${named} was not refused`,
      );
    }
    const again = await client.chat.completions.create(options);
    assert.equal(again.choices[0]!.message.content, streamed, "nothing of it touches later requests");
  },
);

Deno.test("serve: what cannot be served is one clear line and exit code 1", async () => {
  const port = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using _ = port;
  const cases: [string[], RegExp][] = [
    [["--model-path", "/no/such/model.gguf"], /^Error: Cannot load \/no\/such\/model\.gguf: /],
    [["--port", String(port.addr.port)], /^Error: Cannot listen on 127\.0\.0\.1:\d+: the port is in use/],
    [["--prot", "1"], /^Error: Cannot read the command line: .*--prot/],
  ];
  for (const [flags, expected] of cases) {
    const { code, log } = await ServerProcess.startAndFail(flags);
    const last = log.trimEnd().split("\n").at(-1)!;
    assert.match(last, expected);
    assert(!/^\s+at /m.test(log), `no stack:\n${log}`);
    assert.equal(code, 1);
  }
});

/** The scheduler's counters. */
async function stateOf(server: ServerProcess): Promise<{ num_running: number; generated_tokens: number }> {
  const response = await fetch(`${server.url}/get_server_info`);
  const { internal_states: [state] } = await response.json();
  return state;
}
