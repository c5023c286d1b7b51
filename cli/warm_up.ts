/**
 * First requests through socket, routes and engine, so that the first client does not pay for them.
 *
 * @module
 */
import { request } from "node:http";
import { LoadError } from "../runtime/contracts/errors.ts";
import type { ServerArgs } from "../runtime/contracts/server_args.ts";
import type { Log } from "./log.ts";

/** The flags that warming up reads, and the address it sends to. */
export interface WarmUpOptions
  extends Pick<ServerArgs, "apiKey" | "skipServerWarmup" | "warmups" | "isEmbedding"> {
  /** Address of the server, without a slash at its end. */
  readonly url: string;
  /** Name of the model. */
  readonly model: string;
  readonly log: Log;
}

const TEXT = "The capital city of France is";

/** First requests, by endpoint. */
const REQUESTS = {
  generate: {
    path: "/generate",
    body: () => ({ text: TEXT, "sampling_params": { temperature: 0, "max_new_tokens": 8 } }),
  },
  encode: { path: "/encode", body: () => ({ text: TEXT }) },
  completions: {
    path: "/v1/completions",
    body: (model: string) => ({ model, prompt: TEXT, temperature: 0, "max_tokens": 8 }),
  },
  chat: {
    path: "/v1/chat/completions",
    body: (model: string) => ({
      model,
      messages: [{ role: "user", content: TEXT }],
      temperature: 0,
      "max_tokens": 8,
    }),
  },
} as const;

/**
 * Sends the first requests, one after the other, each endpoint's once.
 *
 * @throws {LoadError} if one is not answered 200
 */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { url, model, apiKey, skipServerWarmup, warmups = [], isEmbedding, log } = options;
  const usual: keyof typeof REQUESTS = isEmbedding ? "encode" : "generate";
  const headers = {
    "Content-Type": "application/json",
    ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
  };
  for (const name of new Set([...skipServerWarmup ? [] : [usual], ...warmups])) {
    const { path, body } = REQUESTS[name];
    const status = await post(`${url}${path}`, headers, JSON.stringify(body(model)));
    if (status !== 200) throw new LoadError(`Cannot warm up: POST ${path} was answered ${status}`);
    log("info", `Warm-up request: "POST ${path} HTTP/1.1" 200 OK`);
  }
}

/** The status of the answer. Not by fetch(), which would send even this request to a proxy that the environment names. */
async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<number | undefined> {
  const answered = Promise.withResolvers<number | undefined>();
  const sent = request(url, { method: "POST", headers }, (response) => {
    response.resume().once("end", () => answered.resolve(response.statusCode));
  });
  sent.once("error", answered.reject).end(body);
  return await answered.promise;
}
