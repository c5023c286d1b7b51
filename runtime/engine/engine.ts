/**
 * The engine: starts the actors and is their only client. Text goes in and comes out here; tokens travel inside.
 *
 * @module
 */
import { AbortListeners } from "./abort_listeners.ts";
import { PortChannel } from "../actor/channel.ts";
import { checkRequest } from "./check_request.ts";
import type { VerifierConfig } from "../contracts/config.ts";
import { EngineActors } from "./engine_actors.ts";
import { EngineControl } from "./engine_control.ts";
import type { EngineOptions } from "./engine_options.ts";
import { describeModel, endTokens, planScheduler, planVerifier } from "./engine_config.ts";
import {
  ActorCrashedError,
  fromWireError,
  InvalidRequestError,
  UnavailableError,
  type WireError,
} from "../contracts/errors.ts";
import type { GenerationRequest, GenerationUpdate, Generator } from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { LiveRequest } from "./live_request.ts";
import { EngineMetrics } from "../metrics/engine_metrics.ts";
import { type SchedulerState } from "../contracts/scheduler_state.ts";
import { type Address, type EngineMessage, type SchedulerMessage, unreachable } from "../messages/actors.ts";
import { type Progressed } from "../messages/engine_scheduler.ts";
import { SchedulerCalls } from "./scheduler_calls.ts";
import { capacityLine, describeServer, factsForMetrics, type ServerFacts } from "./server_info.ts";
import { logSpeculation } from "./speculation_log.ts";
import { withSettings } from "../scheduling/settings.ts";
import { decodeWithStarts } from "./text_stream.ts";

export type { EngineOptions, EngineTokenizer } from "./engine_options.ts";

/**
 * Starts the actors: first the verifier, which loads the weights, then those that need to know its pool.
 *
 * @throws {LoadError} if flags, model or memory do not fit together
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = new Engine(options);
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
  readonly #options: EngineOptions;
  readonly #control: EngineControl;
  readonly #verifierConfig: VerifierConfig;
  readonly #actors: EngineActors;
  readonly #channel: PortChannel<EngineMessage>;
  readonly #live = new Map<string, LiveRequest>();
  readonly #aborts = new AbortListeners();
  readonly #calls: SchedulerCalls;
  readonly #metrics: EngineMetrics;
  #facts: ServerFacts | undefined;
  #state: "starting" | "ready" | "crashed" | "stopped" = "starting";
  #stop: Promise<void> | undefined;

  /** Makes the actors' thread; it starts loading its code at once. */
  constructor(options: EngineOptions) {
    const { checkpoint, tokenizer } = options;
    this.#options = options;
    const eosTokenIds = endTokens(checkpoint, tokenizer.eosTokenIds);
    this.#verifierConfig = planVerifier({ ...options, eosTokenIds });
    this.model = describeModel(options, this.#verifierConfig);
    this.#metrics = new EngineMetrics(this.model, options.args.enableMetrics);
    const send = (command: SchedulerMessage) => {
      this.#assertReady();
      this.#send(command);
    };
    this.#calls = new SchedulerCalls(send);
    this.#control = new EngineControl({
      calls: this.#calls,
      send,
      onConfigured: (settings) => {
        const facts = this.#facts!;
        this.#facts = { ...facts, schedulerConfig: withSettings(facts.schedulerConfig, settings) };
      },
      profileDir: options.args.profileDir,
      log: options.log,
    });
    this.#actors = new EngineActors({ ...options, onCrash: (actor, error) => this.#crash(actor, error) });
    const { port1, port2 } = new MessageChannel();
    this.#actors.scheduler.connect("engine", port2);
    this.#channel = new PortChannel(port1);
    this.#channel.listen((message) => this.#onMessage(message));
  }

  /** Pauses, settings, profiles. */
  get control(): Generator["control"] {
    return this.#control;
  }

  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Starts the actors; called by {@linkcode startEngine}, once. */
  async start(): Promise<void> {
    const { args, log, speculation, tokenizer } = this.#options;
    const { verifier, drafter, scheduler } = this.#actors;
    const verifierConfig = this.#verifierConfig;
    const [verifierInfo] = await Promise.all([verifier.start(verifierConfig), tokenizer.started]);
    const { costs } = await drafter.start({ speculation, verifierConfig, verifierInfo });
    const drafts = speculation && costs && { speculation, draftMs: costs };
    const schedulerConfig = planScheduler(args, verifierConfig, verifierInfo, drafts);
    await scheduler.start(schedulerConfig);
    this.#facts = { args, model: this.model, verifierConfig, verifierInfo, schedulerConfig, speculation };
    if (speculation) logSpeculation(speculation, schedulerConfig, log);
    if (this.#state !== "starting") {
      throw new UnavailableError(`Cannot start engine: its state is ${this.#state}`);
    }
    this.#state = "ready";
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

  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationUpdate, void, void> {
    const { requestId, promptTokens, origin: _, ...rest } = request;
    this.#assertReady();
    checkRequest(request, this.model.vocabSize);
    if (this.#live.has(requestId)) {
      throw new InvalidRequestError(`Duplicate request ID: ${requestId}`, "rid");
    }
    const cancel = () => this.#send({ type: "cancel", requestId });
    const { tokenizer } = this.#options, { eosTokenIds } = this.model;
    const observer = this.#metrics.watch(request);
    const live = new LiveRequest(request, { tokenizer, eosTokenIds, cancel, observer });
    this.#live.set(requestId, live);
    // Copied, since posting a part of a buffer would carry all of it.
    this.#send({ type: "submit", requestId, ...rest, promptTokens: promptTokens.slice() });
    if (signal !== undefined) this.#aborts.on(signal, cancel);
    try {
      for (;;) {
        const update = await live.next();
        yield update;
        if (update.finish !== undefined) return;
      }
    } finally {
      if (signal !== undefined) this.#aborts.off(signal, cancel);
      if (!live.ended) cancel();
    }
  }

  abort(prefix: string, message?: string): number {
    const aborted = [...this.#live].filter(([requestId]) => requestId.startsWith(prefix));
    for (const [, live] of aborted) live.abort(message);
    return aborted.length;
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

  async serverInfo(): Promise<Readonly<Record<string, unknown>>> {
    const state = await this.schedulerState();
    return describeServer(this.#facts!, state);
  }

  /**
   * Ends what still runs with an {@linkcode UnavailableError}, then stops the actors. Does not wait for generations: a
   * caller that wants them to end by themselves waits before.
   */
  stop(): Promise<void> {
    return this.#stop ??= this.#shutDown();
  }

  /** The same as {@linkcode Engine.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #shutDown(): Promise<void> {
    if (this.#state !== "crashed") this.#state = "stopped";
    this.#end(new UnavailableError("Cannot finish request: the server is shutting down"));
    await this.#options.tokenizer.stop?.();
    await this.#actors.stop();
    this.#channel.close();
  }

  #crash(actor: Address, { message }: WireError): void {
    if (this.#state === "crashed" || this.#state === "stopped") return;
    this.#state = "crashed";
    const error = new ActorCrashedError(actor, message);
    this.#end(error);
    this.#options.onCrash?.(error);
  }

  /** Fails whatever waits for the scheduler. */
  #end(error: Error): void {
    for (const live of this.#live.values()) live.fail(error);
    this.#live.clear();
    this.#calls.fail(error);
    this.#control.end(error);
  }

  #onMessage(message: EngineMessage): void {
    switch (message.type) {
      case "progressed":
        for (const event of message.events) this.#onEvent(event);
        return;
      case "profiled":
        return this.#control.onProfiled(message);
      default:
        return this.#calls.onAnswer(message);
    }
  }

  #onEvent(event: Progressed["events"][number]): void {
    switch (event.type) {
      case "tokens":
        return this.#live.get(event.requestId)?.onTokens(event);
      case "finished":
        return this.#leave(event.requestId)?.onFinished(event);
      case "failed":
        return this.#leave(event.requestId)?.fail(fromWireError(event.error));
      default:
        return unreachable(event);
    }
  }

  #leave(requestId: string): LiveRequest | undefined {
    const live = this.#live.get(requestId);
    this.#live.delete(requestId);
    return live;
  }

  #send(message: SchedulerMessage): void {
    this.#channel.send(message);
  }

  #assertReady(): void {
    if (this.#state !== "ready") {
      throw new UnavailableError(`Cannot serve: the engine's state is ${this.#state}`);
    }
  }
}
