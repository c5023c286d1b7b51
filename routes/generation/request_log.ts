/**
 * The log of requests: a line for each that ends, with as much of it as the level says.
 *
 * @module
 */
import type { GenerationRequest, GenerationUpdate, Generator } from "../../runtime/contracts/generation.ts";
import type { FinishReason } from "../../runtime/contracts/outputs.ts";
import type { Usage } from "../../runtime/contracts/usage.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { toSnakeCase } from "../../runtime/contracts/snake_case.ts";
import type { Indexed } from "./run.ts";
import { Slices } from "../answers/slices.ts";

/** Levels of the request log: what a line has besides ids, counts and times. */
export const RequestLogLevel = { counts: 0, sampling: 1, beginnings: 2, all: 3 } as const;

/** Characters that {@linkcode RequestLogLevel.beginnings} shows of a text, half of them from its end. */
const SHOWN_CHARACTERS = 2048;
/** Tokens decoded at once. */
const TOKENS_PER_SLICE = 1024;

/** SGLang's names for parameters that are not called so here. */
const NATIVE_NAMES: Readonly<Record<string, string>> = {
  logprobTokens: "token_ids_logprob",
  maxTokens: "max_new_tokens",
  minTokens: "min_new_tokens",
  seed: "sampling_seed",
};

/** Facts about a request from HTTP. */
export interface HttpFacts {
  readonly path: string;
  readonly stream: boolean;
}

/** A request as a line has it; embeddings have no sampling parameters. */
type LoggedRequest =
  & Pick<GenerationRequest, "requestId" | "promptTokens">
  & Partial<Pick<GenerationRequest, "sampling">>;

/** What a line says of an update. */
type LoggedUpdate = Pick<GenerationUpdate, "text" | "usage" | "finish">;

/** Progress of a generation. */
interface Progress {
  text: string;
  finish?: FinishReason;
  usage?: Usage;
}

/** Writes the lines. */
export class RequestLog {
  readonly #level: number;
  readonly #write: (line: string) => void;
  readonly #tokenBytes: Generator["tokenBytes"];

  /** `level` is one of {@linkcode RequestLogLevel}. */
  constructor(level: number, tokenBytes: Generator["tokenBytes"], write: (line: string) => void) {
    this.#level = level;
    this.#tokenBytes = tokenBytes;
    this.#write = write;
  }

  /** Passes updates on, and writes a line for each generation when it ends, also where it fails or is left. */
  async *follow<Update extends LoggedUpdate>(
    updates: AsyncIterable<Indexed<Update>>,
    requests: readonly LoggedRequest[],
    facts: HttpFacts,
  ): AsyncGenerator<Indexed<Update>, void, void> {
    const startMs = performance.now();
    const live = new Map(requests.map((_, index) => [index, { text: "" } as Progress]));
    const end = async (index: number, reason: object) => {
      const progress = live.get(index)!;
      live.delete(index);
      await this.#finish(requests[index]!, facts, progress, reason, performance.now() - startMs);
    };
    let failure: object = { type: "abort", message: "The client has left" };
    try {
      for await (const update of updates) {
        const progress = live.get(update.index);
        if (progress !== undefined) {
          const { text, usage, finish } = update.value;
          if (this.#level >= RequestLogLevel.beginnings) progress.text += text;
          progress.usage = usage;
          if (finish !== undefined) await end(update.index, finish);
        }
        yield update;
      }
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      if (name !== "AbortError") failure = { type: "error", message };
      throw error;
    } finally {
      for (const index of live.keys()) await end(index, failure);
    }
  }

  async #finish(
    request: LoggedRequest,
    { path, stream }: HttpFacts,
    { text, usage }: Progress,
    reason: object,
    tookMs: number,
  ): Promise<void> {
    const showsTexts = this.#level >= RequestLogLevel.beginnings;
    const obj = {
      rid: request.requestId,
      path,
      stream,
      ...(this.#level >= RequestLogLevel.sampling && request.sampling &&
        { "sampling_params": namesOf(request.sampling) }),
      ...(showsTexts && { text: await this.#promptText(request.promptTokens) }),
    };
    const out = {
      ...(showsTexts && { text: this.#cut(text) }),
      "meta_info": {
        finish_reason: reason,
        prompt_tokens: usage?.numPromptTokens ?? request.promptTokens.length,
        completion_tokens: usage?.numCompletionTokens ?? 0,
        cached_tokens: usage?.numCachedTokens ?? 0,
        e2e_latency: Math.round(tookMs) / 1000,
      },
    };
    this.#write(`Finish: obj=${toLine(obj)}, out=${toLine(out)}`);
  }

  /** The prompt's text, special tokens included. */
  async #promptText(tokens: Int32Array): Promise<string> {
    const isShort = this.#level >= RequestLogLevel.all || tokens.length <= 2 * TOKENS_PER_SLICE;
    if (isShort) return this.#cut(await this.#decode(tokens));
    const [head, tail] = await Promise.all([
      this.#decode(tokens.subarray(0, TOKENS_PER_SLICE)),
      this.#decode(tokens.subarray(-TOKENS_PER_SLICE)),
    ]);
    return `${head.slice(0, SHOWN_CHARACTERS / 2)} ... ${tail.slice(-SHOWN_CHARACTERS / 2)}`;
  }

  async #decode(tokens: Int32Array): Promise<string> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true }), slices = new Slices();
    let text = "";
    for (let at = 0; at < tokens.length; at += TOKENS_PER_SLICE) {
      for (const token of tokens.subarray(at, at + TOKENS_PER_SLICE)) {
        text += decoder.decode(this.#tokenBytes(token), { stream: true });
      }
      await slices.yieldTurn();
    }
    return text + decoder.decode();
  }

  #cut(text: string): string {
    if (this.#level >= RequestLogLevel.all || text.length <= SHOWN_CHARACTERS) return text;
    return `${text.slice(0, SHOWN_CHARACTERS / 2)} ... ${text.slice(-SHOWN_CHARACTERS / 2)}`;
  }
}

/** Parameters by SGLang's names. */
function namesOf(sampling: SamplingParams): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(sampling).map(([name, value]) => [
      NATIVE_NAMES[name] ?? toSnakeCase(name),
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}

/** JSON in one line of characters that no terminal acts on. */
function toLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
