/**
 * A {@linkcode Generator} that plays scripts: no model, no actors. Its tokens are character codes.
 *
 * @module
 */
import type { PauseMode, SchedulerSettings } from "../../runtime/contracts/scheduler_settings.ts";
import type { ChatMessage, RenderOptions } from "../../runtime/contracts/chat.ts";
import type {
  Embedding,
  EmbeddingRequest,
  GenerationRequest,
  GenerationUpdate,
  Generator,
  GeneratorControl,
  ProfileRequest,
} from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { SchedulerState } from "../../runtime/contracts/scheduler_state.ts";
import type { MemoryUsage, ServerInfo } from "../../runtime/contracts/server_info.ts";
import { chainOf } from "../../runtime/contracts/draft_tree.ts";
import type { TextRound } from "../../runtime/contracts/speculation_round.ts";
import { idleState } from "./scheduler_states.ts";

/** What a scripted generation does next: yield, throw, or wait until it is aborted. */
export type Step = Partial<GenerationUpdate> | Error | "wait";

/** Yields `text` a character at a time and stops at token 0. */
export function spell(text: string): Step[] {
  const finish = { type: "stop", matched: 0 } as const;
  const steps: Step[] = [...text].map((char) => ({ text: char, tokens: [char.charCodeAt(0)] }));
  return [...steps, { tokens: [0], finish }];
}

/** A round that yielded `text`, a character a token, of which a chain of `drafts` had foreseen the beginning. */
export function roundOf(text: string, drafts = ""): TextRound {
  const codes = (text: string) => Int32Array.from(text, (char) => char.charCodeAt(0));
  const numAccepted = [...drafts].findIndex((char, i) => char !== text[i]);
  return {
    tokens: codes(text),
    texts: [...text],
    tree: chainOf(codes(drafts), Float32Array.from(drafts, (_, i) => 0.9 ** (i + 1))),
    accepted: Int32Array.from({ length: numAccepted < 0 ? drafts.length : numAccepted }, (_, i) => i),
    draftMs: drafts === "" ? 0 : 1.23456,
    verifyMs: 7.0004,
  };
}

/** Record of one generation. */
export interface Seen {
  readonly request: GenerationRequest;
  readonly signal: AbortSignal | undefined;
  /** The loop is over, however it ended. */
  ended: boolean;
}

/** Records the commands it gets. */
export class FakeControl implements GeneratorControl {
  isPaused = false;
  readonly asked: unknown[] = [];

  pause(mode: PauseMode): Promise<void> {
    this.isPaused = true;
    return this.#take({ mode });
  }

  resume(): Promise<void> {
    this.isPaused = false;
    return this.#take("resume");
  }

  configure(settings: SchedulerSettings): Promise<void> {
    return this.#take(settings);
  }

  startProfile(request: ProfileRequest): Promise<string> {
    return this.#take(request, "/profiles/a.json");
  }

  stopProfile(): Promise<string> {
    return this.#take("stop", "/profiles/a.json");
  }

  #take(what: unknown): Promise<void>;
  #take(what: unknown, answer: string): Promise<string>;
  #take(what: unknown, answer?: string): Promise<string | void> {
    this.asked.push(what);
    return Promise.resolve(answer);
  }
}

/** Plays `script` for each request and records it. */
export class FakeGenerator implements Generator {
  model: ModelInfo = {
    modelPath: "/models/tiny",
    modelFolder: "/models/tiny",
    tokenizerPath: "/models/tiny",
    servedModelName: "org/tiny",
    modelAliases: [],
    architecture: "LlamaForCausalLM",
    modelType: "llama",
    tokenizer: { bosToken: "<s>", eosToken: "</s>", addsBos: false, chatTemplate: "{{ messages }}" },
    contextLength: 100,
    maxRunningRequests: 8,
    vocabSize: 256,
    textBound: { maxBytesPerToken: 64, lostBytes: new Set() },
    embedding: { size: 4, pooling: "last", isNormalised: true, isOnly: false },
    eosTokenIds: [0],
    enforcesGrammars: true,
    allowAutoTruncate: false,
  };
  ready = true;
  flushable = true;
  readonly control = new FakeControl();
  /** Counters; without them there is no scheduler. */
  state: SchedulerState | undefined;
  memory: MemoryUsage = {
    weight: 0,
    kvcache: 0,
    draftWeight: 0,
    draftKvcache: 0,
    hiddenStates: 0,
    activations: 0,
    resident: 0,
    tokenCapacity: 0,
  };
  info: Readonly<Record<string, unknown>> = { host: "127.0.0.1", max_total_num_tokens: 4096 };
  readonly seen: Seen[] = [];
  readonly embedded: EmbeddingRequest[] = [];
  readonly aborted: string[] = [];
  /** What chats were rendered of. */
  readonly rendered: { readonly messages: readonly ChatMessage[]; readonly options: RenderOptions }[] = [];
  #script: (request: GenerationRequest, index: number) => readonly Step[];

  constructor(script: (request: GenerationRequest, index: number) => readonly Step[] = () => spell("Hi!")) {
    this.#script = script;
  }

  /** The only generation so far. */
  get only(): Seen {
    const [seen] = this.seen;
    if (seen === undefined || this.seen.length > 1) {
      throw new Error(`Cannot pick: ${this.seen.length} generations`);
    }
    return seen;
  }

  encode(text: string): Promise<Int32Array> {
    return Promise.resolve(Int32Array.from(text, (char) => char.charCodeAt(0) % this.model.vocabSize));
  }

  decode(tokens: readonly number[]): string {
    return String.fromCharCode(...tokens);
  }

  /** Token 0 is special. */
  detokenizer({ skipSpecialTokens }: { skipSpecialTokens: boolean }): ReturnType<Generator["detokenizer"]> {
    const push = (token: number) => token === 0 && skipSpecialTokens ? "" : this.decode([token]);
    return { push, flush: () => "" };
  }

  decodeWithStarts(tokens: readonly number[]): ReturnType<Generator["decodeWithStarts"]> {
    return { text: this.decode(tokens), starts: tokens.map((_, i) => i) };
  }

  tokenName(token: number): string {
    return `<${String.fromCharCode(token)}>`;
  }

  tokenBytes(token: number): Uint8Array {
    return new TextEncoder().encode(String.fromCharCode(token));
  }

  renderChat(messages: readonly ChatMessage[], options: RenderOptions = {}): Promise<Int32Array> {
    this.rendered.push({ messages, options });
    const turns = messages.map(({ role, content }) => `${role}:${content}`).join("|");
    return this.encode(options.continueFinalMessage ? turns : `${turns}|assistant:`);
  }

  async *generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationUpdate> {
    const seen: Seen = { request, signal, ended: false };
    const index = this.seen.push(seen) - 1;
    const usage = {
      numPromptTokens: request.promptTokens.length,
      numCompletionTokens: 0,
      numCachedTokens: 3,
      numPreemptions: 0,
    };
    let numCharacters = 0;
    try {
      for (const step of this.#script(request, index)) {
        // A turn of the event loop, as a message channel takes one.
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (signal?.aborted) return;
        if (step instanceof Error) throw step;
        if (step === "wait") {
          await aborted(signal);
          return;
        }
        usage.numCompletionTokens += step.tokens?.length ?? 0;
        // A character a token.
        const textOffsets = step.tokens?.map((_, i) => numCharacters + i) ?? [];
        numCharacters += step.text?.length ?? 0;
        yield { text: "", tokens: [], usage: { ...usage }, ...(step.logprobs && { textOffsets }), ...step };
      }
    } finally {
      seen.ended = true;
    }
  }

  /** The number of tokens, then zeros. */
  async embed(request: EmbeddingRequest, signal?: AbortSignal): Promise<Embedding> {
    const { promptTokens, dimensions = this.model.embedding.size } = request;
    this.embedded.push(request);
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    const embedding = new Float32Array(dimensions);
    embedding[0] = promptTokens.length;
    const usage = { numCompletionTokens: 0, numCachedTokens: 3, numPreemptions: 0 };
    return { embedding, usage: { ...usage, numPromptTokens: promptTokens.length } };
  }

  abort(prefix: string, message?: string): number {
    this.aborted.push(message === undefined ? prefix : `${prefix}: ${message}`);
    return 2;
  }

  flushCache(): Promise<boolean> {
    return Promise.resolve(this.flushable);
  }

  serverInfo(): Promise<ServerInfo> {
    return Promise.resolve({ state: this.state ?? idleState, memory: this.memory, record: this.info });
  }

  metrics(): Promise<string | undefined> {
    return Promise.resolve("# HELP fake Fake\n# TYPE fake gauge\nfake 1\n");
  }

  schedulerState(): Promise<SchedulerState> {
    if (this.state !== undefined) return Promise.resolve(this.state);
    return Promise.reject(new Error("Cannot inspect: there is no scheduler"));
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}
