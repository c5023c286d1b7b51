// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * SGLang's frontend language against the real server: a client that sends what its RuntimeEndpoint (0.5.23) sends for
 * `gen`, `select` and streams, defaults written out, and reads of the answers what that reads.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { apiKey, startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";

/** `[logprob, token id, text]`; the first token of a prompt has no log-probability. */
type Entry = readonly [number | null, number, string | null];

/** What the frontend reads of an answer. */
interface Generated {
  readonly text: string;
  readonly meta_info: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly input_token_logprobs: readonly Entry[];
    readonly output_token_logprobs: readonly Entry[];
    readonly output_token_ids_logprobs: readonly (readonly Entry[])[];
  };
}

const headers = { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` };

/** The frontend's backend; a program's text so far is `text` in each call. */
class RuntimeEndpoint {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async read(method: "GET" | "POST", path: string): Promise<Record<string, unknown> | string> {
    const response = await fetch(this.#url + path, { method, headers });
    const body = await response.text();
    assert.equal(response.status, 200, body);
    return body.startsWith("{") ? JSON.parse(body) : body;
  }

  /** `gen`: the whole text. */
  gen(text: string, sampling: object = {}, fields: object = {}): Promise<Generated> {
    return this.#generate<Generated>({ text, sampling_params: samplingOf(sampling), ...fields });
  }

  /** `gen` of a program run with `stream=True`: the parts of the text. */
  async *stream(text: string, sampling: object = {}): AsyncGenerator<string> {
    const body = await this.#post({ text, sampling_params: samplingOf(sampling), stream: true });
    let numRead = 0, isDone = false;
    for (const line of (await body.text()).split("\n").filter((line) => line.startsWith("data:"))) {
      isDone = line === "data: [DONE]";
      if (isDone) break;
      const { text } = JSON.parse(line.slice(5)) as Generated;
      yield text.slice(numRead);
      numRead = text.length;
    }
    assert(isDone, "the stream has no end");
  }

  /** Fills the cache with a prefix. */
  async cachePrefix(text: string): Promise<void> {
    await this.#generate({ text, sampling_params: { max_new_tokens: 0 } });
  }

  /** `select`: the choice whose tokens are likeliest on average. */
  async select(text: string, choices: readonly string[]): Promise<string> {
    const prefix = await this.#generate<Generated>({ text, sampling_params: { max_new_tokens: 0 } });
    const numPromptTokens = prefix.meta_info.prompt_tokens;
    assert.equal(prefix.meta_info.completion_tokens, 0);
    const scored = await this.#generate<Generated[]>({
      text: choices.map((choice) => text + choice),
      sampling_params: { max_new_tokens: 0, temperature: 0 },
      return_logprob: true,
      return_text_in_logprobs: true,
      logprob_start_len: Math.max(numPromptTokens - 2, 0),
    });
    const tokens = scored.map(({ meta_info: { input_token_logprobs: entries } }) =>
      // The first token is the text's own, unless the choice has merged with it.
      text.endsWith(entries[0]![2]!) ? entries.slice(1) : entries
    );
    const means = tokens.map(meanOf);
    return choices[means.indexOf(Math.max(...means))]!;
  }

  async #generate<T>(body: object): Promise<T> {
    return await (await this.#post(body)).json();
  }

  async #post(body: object): Promise<Response> {
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}/generate`, init);
    if (response.status !== 200) assert.fail(await response.text());
    return response;
  }
}

function meanOf(entries: readonly Entry[]): number {
  const values = entries.flatMap(([logprob]) => logprob ? [logprob] : []);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function samplingOf(given: object): object {
  return {
    skip_special_tokens: true,
    spaces_between_special_tokens: true,
    max_new_tokens: 128,
    min_new_tokens: 0,
    n: 1,
    stop: [],
    stop_token_ids: [],
    stop_regex: [],
    temperature: 1.0,
    top_p: 1.0,
    top_k: -1,
    min_p: 0.0,
    frequency_penalty: 0.0,
    presence_penalty: 0.0,
    ignore_eos: false,
    regex: null,
    json_schema: null,
    ...given,
  };
}

Deno.test({ name: "sglang's frontend: gen, select and stream", ignore: needsModel().ignore }, async (t) => {
  await using server = await startForClients();
  const backend = new RuntimeEndpoint(server.url);
  const text = "The capital city of France is";
  const greedy = { max_new_tokens: 12, temperature: 0 };

  await t.step("it connects", async () => {
    const { model_path } = await backend.read("GET", "/get_model_info") as Record<string, unknown>;
    assert.equal(typeof model_path, "string");
    await backend.read("POST", "/flush_cache");
    assert.equal(typeof await backend.read("GET", "/server_info"), "object");
    await backend.cachePrefix(text);
  });
  await t.step("gen, and a program's next gen behind it", async () => {
    const first = await backend.gen(text, { ...greedy, stop: ["."] });
    assert.match(first.text, /Paris/);
    assert(!first.text.includes("."));
    const next = await backend.gen(`${text}${first.text}. It`, { ...greedy, min_new_tokens: 2 });
    assert(next.meta_info.completion_tokens > 2);
  });
  await t.step("gen stops at a regular expression", async () => {
    const whole = await backend.gen(text, greedy);
    const stopped = await backend.gen(text, { ...greedy, stop_regex: ["P[a-z]+s"] });
    assert.equal(stopped.text, whole.text.slice(0, whole.text.search(/P[a-z]+s/)));
  });
  await t.step("gen of a type, by a regular expression and by a schema", async () => {
    // What the frontend makes of dtype int, float, bool and str.
    const types: [regex: string, stop: string[]][] = [
      ["[-+]?[0-9]+[ \\n]*", [" ", "\n"]],
      ["[-+]?[0-9]*\\.?[0-9]+[ \\n]*", [" ", "\n"]],
      ["(True|False)", []],
      ['"[\\w\\d\\s]*"', []],
      ["(Paris|Lyon), [A-Z][a-z]{2,9}", []],
    ];
    for (const [regex, stop] of types) {
      const { text: said } = await backend.gen(`${text}:`, { ...greedy, max_new_tokens: 40, regex, stop });
      assert.match(said, new RegExp(`^${regex}$`, "u"));
    }
    const json_schema = JSON.stringify({
      type: "array",
      items: { enum: ["a", 1] },
      minItems: 1,
      maxItems: 2,
    });
    const { text: said } = await backend.gen(text, { ...greedy, json_schema });
    assert(JSON.parse(said).every((item: unknown) => item === "a" || item === 1));
  });
  await t.step("gen with log-probabilities", async () => {
    const fields = {
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 2,
      return_text_in_logprobs: true,
    };
    const { text: said, meta_info: info } = await backend.gen(text, greedy, fields);
    assert.equal(info.output_token_logprobs.map(([, , token]) => token).join(""), said);
    assert.equal(info.input_token_logprobs.map(([, , token]) => token).join(""), text);
    assert.equal(info.input_token_logprobs.length, info.prompt_tokens);
  });
  await t.step("gen with the log-probabilities of given tokens", async () => {
    const plain = await backend.gen(text, greedy, { return_logprob: true });
    const [logprob, id] = plain.meta_info.output_token_logprobs[0]!;
    const fields = { return_logprob: true, token_ids_logprob: [id, id + 1] };
    const { meta_info: info } = await backend.gen(text, greedy, fields);
    const [first, second] = info.output_token_ids_logprobs[0]!;
    assert.deepEqual([first![0], first![1], second![1]], [logprob, id, id + 1]);
    assert(second![0]! < logprob!);
  });
  await t.step("a stream says what gen says", async () => {
    const parts = await Array.fromAsync(backend.stream(text, greedy));
    assert.equal(parts.join(""), (await backend.gen(text, greedy)).text);
    assert(parts.length > 1);
  });
  await t.step("select takes the right choice", async () => {
    assert.equal(await backend.select(text, [" Rome", " Paris", " a big city", " London"]), " Paris");
    assert.equal(await backend.select("The capital city of Japan is", [" Paris", " Tokyo"]), " Tokyo");
  });
});
