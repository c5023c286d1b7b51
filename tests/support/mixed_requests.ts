// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Random requests of all kinds to the three generating endpoints, and what their clients read of the answers.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { z } from "zod";
import type { metaInfo } from "../../routes/schema/generate.ts";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";
import { type App, post } from "./http.ts";

/** A request. */
export interface Request {
  readonly kind: "chat" | "completions" | "generate";
  readonly prompt: string;
  readonly fields: Fields;
  /** Asks for logprobs of the prompt or of the output, for an echo, for a batch, as far as the endpoint has it. */
  readonly extras: boolean;
  readonly stream: boolean;
  readonly reportsRounds: boolean;
  readonly speculative: boolean | undefined;
  /** Reads this many events, or waits ten milliseconds for each, and leaves. */
  readonly leavesAfter: number | undefined;
}

/** Fields that the endpoints call the same, or nearly. */
interface Fields {
  readonly sampled: boolean;
  readonly seed: number;
  readonly ignore_eos: boolean;
  readonly skip_special_tokens: boolean;
  readonly no_stop_trim: boolean;
  readonly stop: readonly string[];
  readonly stop_regex: readonly string[];
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly n: number;
}

const said = "the rain in spain stays mainly in the plain, the rain in spain";
const prompts = fc.constantFrom(
  said,
  said.slice(0, 40),
  `${said} stays`,
  "ababababab",
  "\u{1f600}\u{1f600} é",
);

const fields: fc.Arbitrary<Fields> = fc.record({
  sampled: fc.boolean(),
  seed: fc.nat(1000),
  ignore_eos: fc.boolean(),
  skip_special_tokens: fc.boolean(),
  no_stop_trim: fc.boolean(),
  stop: fc.subarray(["t", "\n", "a", "\ufffd", "e", "in"], { maxLength: 2 }),
  stop_regex: fc.subarray(["[a-m]{2}", "\\d|\\s"], { maxLength: 1 }),
  maxTokens: fc.constantFrom(0, 1, 2, 20, 40, 40),
  minTokens: fc.constantFrom(0, 0, 20),
  n: fc.constantFrom(1, 1, 1, 2, 8),
});
/** A request, and whether its client leaves early. */
export const requests: fc.Arbitrary<Request> = fc.record({
  kind: fc.constantFrom("chat" as const, "completions" as const, "generate" as const),
  prompt: prompts,
  fields,
  extras: fc.boolean(),
  stream: fc.boolean(),
  reportsRounds: fc.constantFrom(true, true, false),
  speculative: fc.constantFrom(undefined, undefined, true, false),
  leavesAfter: fc.constantFrom(undefined, undefined, undefined, 1, 4),
});

/** A choice, or as much of it as its client has read. */
export interface Choice {
  text: string;
  ids: number[];
  rounds: SpeculationRound[];
  /** Of `/v1` what it matched, if anything, or its name. */
  finish: unknown;
  /** On `/generate`. */
  meta?: z.infer<typeof metaInfo>;
}

function bodyOf({ kind, prompt, fields, extras, stream, ...asks }: Request): [path: string, body: object] {
  const { sampled, seed, maxTokens, minTokens, ...rest } = fields;
  const common = { ...rest, temperature: sampled ? 1 : 0 }, min = Math.min(maxTokens, minTokens);
  const { speculative, reportsRounds } = asks;
  if (kind === "generate") {
    const sampling_params = {
      ...common,
      sampling_seed: seed,
      max_new_tokens: maxTokens,
      min_new_tokens: min,
    };
    const logprobs = { return_logprob: true, logprob_start_len: 3, top_logprobs_num: 1 };
    return ["/generate", {
      text: extras ? [prompt, said] : prompt,
      sampling_params,
      ...(extras && logprobs),
      stream,
      speculative,
      return_speculation: reportsRounds,
    }];
  }
  const options = reportsRounds ? { include_speculation: true } : undefined;
  const body = {
    ...common,
    seed,
    max_tokens: maxTokens,
    min_tokens: min,
    stream,
    speculative,
    return_token_ids: true,
    stream_options: stream ? { ...options, include_usage: true } : options,
  };
  if (kind === "completions") {
    const own = { echo: true, logprobs: 1, ...(!stream && { prompt_logprobs: 1 }) };
    return ["/v1/completions", { ...body, prompt, ...(extras && own) }];
  }
  const own = { logprobs: true, top_logprobs: 2 };
  return ["/v1/chat/completions", {
    ...body,
    messages: [{ role: "user", content: prompt }],
    return_meta_info: true,
    ...(extras && own),
  }];
}

/** Adds an answer, or an event of one. */
// deno-lint-ignore no-explicit-any -- of three endpoints, whose forms other tests check
function take(choices: Choice[], event: any): void {
  assert.equal(event.error, undefined, JSON.stringify(event.error));
  const isNative = event.choices === undefined;
  for (const [at, one] of (isNative ? [event].flat() : event.choices).entries()) {
    const choice = choices[one.index ?? at] ??= { text: "", ids: [], rounds: [], finish: null };
    choice.rounds.push(...one.speculation ?? []);
    if (isNative) {
      const { text, output_ids: ids, meta_info: meta } = one;
      Object.assign(choice, { text, ids, meta, finish: meta.finish_reason });
    } else {
      choice.text += one.text ?? one.message?.content ?? one.delta?.content ?? "";
      choice.ids.push(...one.token_ids ?? []);
      choice.finish = one.matched_stop ?? one.finish_reason ?? choice.finish;
    }
  }
}

/** Posts a request and reads all of the answer, or leaves it. */
export async function ask(app: App, request: Request): Promise<{ choices: Choice[]; isWhole: boolean }> {
  const [path, body] = bodyOf(request), { leavesAfter = Infinity } = request, choices: Choice[] = [];
  const abort = new AbortController();
  if (!request.stream && leavesAfter < Infinity) setTimeout(() => abort.abort(), 10 * leavesAfter);
  const response = await post(app, path, body, { signal: abort.signal });
  if (response.status === 499) return { choices, isWhole: false };
  if (!request.stream) {
    take(choices, await response.json());
    return { choices, isWhole: !abort.signal.aborted };
  }
  assert.equal(response.status, 200);
  let numEvents = 0, rest = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    const pieces = (rest + part).split("\n\n");
    rest = pieces.pop()!;
    for (const piece of pieces) {
      if (!piece.startsWith("data: {")) continue;
      take(choices, JSON.parse(piece.slice(6)));
      if (++numEvents >= leavesAfter) return { choices, isWhole: false };
    }
  }
  return { choices, isWhole: true };
}
