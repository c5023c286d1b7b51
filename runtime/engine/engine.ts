/**
 * The engine: starts the actors and is their only client. Text goes in and comes out here; tokens travel inside.
 *
 * @module
 */
import type { VerifierConfig } from "../contracts/config.ts";
import type {
  Embedding,
  EmbeddingRequest,
  GenerationRequest,
  GenerationUpdate,
  Generator,
} from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import type { ServerInfo } from "../contracts/server_info.ts";
import type { EngineMessage, SchedulerMessage } from "../messages/actors.ts";
import { EngineMetrics } from "../metrics/engine_metrics.ts";
import { withSettings } from "../scheduling/settings.ts";
import type { EngineParts } from "./actors.ts";
import { EngineControl } from "./control.ts";
import { describeModel, endTokens, planVerifier } from "./engine_config.ts";
import { LifeCycle } from "./life_cycle.ts";
import { LiveRequests } from "./live_requests.ts";
import type { EngineOptions } from "./options.ts";
import { SchedulerCalls } from "./scheduler_calls.ts";
import { describeServer, factsForMetrics, type ServerFacts } from "./server_info.ts";
import { capacityLine, logSpeculation } from "./start_log.ts";
import { decodeWithStarts } from "./text_stream.ts";

/**
 * Starts the actors: first the verifier, which loads the weights, then those that need to know its pool.
 *
 * @throws {LoadError} if flags, model or memory do not fit together
 */
export function startEngine(options: EngineOptions): Promise<Engine> {
  return createEngine(options, {});
}

/** The same with `parts` in the place of the real ones. */
export async function createEngine(options: EngineOptions, parts: EngineParts): Promise<Engine> {
  const engine = new Engine(options, parts);
  try {
    await engine.start();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

/** A running engine; see {@linkcode startEngine}. */
export class Engine implements Generator, AsyncDisposable {
  /** Facts about the served model. */
  readonly model: ModelInfo;
  /** Pauses, settings, profiles. */
  readonly control: Generator["control"];
  readonly #options: EngineOptions;
  readonly #verifierConfig: VerifierConfig;
  readonly #life: LifeCycle;
  readonly #requests: LiveRequests;
  readonly #calls: SchedulerCalls;
  readonly #control: EngineControl;
  readonly #metrics: EngineMetrics;
  #facts: ServerFacts | undefined;

  /** Makes the actors' thread; it starts loading its code at once. */
  constructor(options: EngineOptions, parts: EngineParts) {
    const { checkpoint, tokenizer, args: { enableMetrics, profileDir }, log } = options;
    const eosTokenIds = endTokens(checkpoint, tokenizer.eosTokenIds);
    this.#options = options;
    this.#verifierConfig = planVerifier({ ...options, eosTokenIds });
    this.model = describeModel(options, this.#verifierConfig);
    this.#metrics = new EngineMetrics(this.model, enableMetrics);
    const life = this.#life = new LifeCycle(options, parts, {
      onMessage: (message) => this.#onMessage(message),
      onEnd: (error) => this.#end(error),
    });
    const assertReady = () => life.assertReady();
    const call = (command: SchedulerMessage) => {
      assertReady();
      life.send(command);
    };
    this.#calls = new SchedulerCalls(call);
    this.control = this.#control = new EngineControl({
      calls: this.#calls,
      send: call,
      onConfigured: (settings) => {
        const facts = this.#facts!;
        this.#facts = { ...facts, schedulerConfig: withSettings(facts.schedulerConfig, settings) };
      },
      profileDir,
      log,
    });
    this.#requests = new LiveRequests({
      model: this.model,
      tokenizer,
      metrics: this.#metrics,
      assertReady,
      send: (command) => life.send(command),
    });
  }

  get ready(): boolean {
    return this.#life.isReady;
  }

  /** Starts the actors; called by {@linkcode startEngine}, once. */
  async start(): Promise<void> {
    const { args, log, speculation } = this.#options, verifierConfig = this.#verifierConfig;
    const started = await this.#life.start(verifierConfig);
    this.#facts = { args, model: this.model, verifierConfig, speculation, ...started };
    if (speculation) logSpeculation(speculation, started.schedulerConfig, log);
    log("info", capacityLine(this.#facts));
  }

  async encode(...args: Parameters<Generator["encode"]>): Promise<Int32Array> {
    return await this.#metrics.timed("encode", () => this.#options.tokenizer.encode(...args));
  }

  decode(...args: Parameters<Generator["decode"]>): string {
    return this.#options.tokenizer.decode(...args);
  }

  detokenizer(...args: Parameters<Generator["detokenizer"]>): ReturnType<Generator["detokenizer"]> {
    return this.#options.tokenizer.detokenizer(...args);
  }

  decodeWithStarts(tokens: readonly number[]): ReturnType<Generator["decodeWithStarts"]> {
    return decodeWithStarts(this.#options.tokenizer.detokenizer({ skipSpecialTokens: false }), tokens);
  }

  tokenName(token: number): string {
    return this.#options.tokenizer.tokenName(token);
  }

  tokenBytes(token: number): Uint8Array {
    return this.#options.tokenizer.tokenBytes(token);
  }

  async renderChat(
    ...[messages, options, signal]: Parameters<Generator["renderChat"]>
  ): Promise<Int32Array> {
    const { contextLength, allowAutoTruncate } = this.model;
    const limit = allowAutoTruncate ? {} : { contextLength };
    const { tokenizer } = this.#options;
    return await this.#metrics.timed(
      "render_chat",
      () => tokenizer.renderChat(messages, { ...options, ...limit }, signal),
    );
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationUpdate, void, void> {
    return this.#requests.generate(request, signal);
  }

  embed(request: EmbeddingRequest, signal?: AbortSignal): Promise<Embedding> {
    return this.#requests.embed(request, signal);
  }

  abort(prefix: string, message?: string): number {
    return this.#requests.abort(prefix, message);
  }

  async flushCache(): Promise<boolean> {
    return (await this.#calls.call({ type: "flush" })).done;
  }

  async schedulerState(): Promise<SchedulerState> {
    return (await this.#calls.call({ type: "inspect" })).state;
  }

  metrics(): Promise<string | undefined> {
    return this.#metrics.text(() => this.schedulerState(), () => factsForMetrics(this.#facts!));
  }

  async serverInfo(): Promise<ServerInfo> {
    const state = await this.schedulerState();
    return describeServer(this.#facts!, state);
  }

  /**
   * Ends what still runs with an {@linkcode UnavailableError}, then stops the actors. Does not wait for generations: a
   * caller that wants them to end by themselves waits before.
   */
  stop(): Promise<void> {
    return this.#life.stop();
  }

  /** The same as {@linkcode Engine.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onMessage(message: EngineMessage): void {
    switch (message.type) {
      case "progressed":
        for (const event of message.events) this.#requests.onEvent(event);
        return;
      case "profiled":
        return this.#control.onProfiled(message);
      default:
        return this.#calls.onAnswer(message);
    }
  }

  /** Fails whatever waits for the scheduler. */
  #end(error: Error): void {
    this.#requests.fail(error);
    this.#calls.fail(error);
    this.#control.end(error);
  }
}
