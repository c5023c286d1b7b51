/**
 * The life cycle of an engine's actors: started once, ended by a crash or a stop.
 *
 * @module
 */
import { PortChannel } from "../actor/channel.ts";
import type { SchedulerConfig, VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { ActorCrashedError, UnavailableError, type WireError } from "../contracts/errors.ts";
import type { Address, EngineMessage, SchedulerMessage } from "../messages/actors.ts";
import { EngineActors, type EngineParts } from "./actors.ts";
import { planScheduler } from "./engine_config.ts";
import type { EngineOptions } from "./options.ts";

/** Listener of a {@linkcode LifeCycle}. */
export interface LifeCycleEvents {
  /** Takes a message of the scheduler. */
  onMessage(message: EngineMessage): void;
  /** Called once, at a crash or a stop: nothing that waits for the scheduler will be answered. */
  onEnd(error: Error): void;
}

/** What the actors were started with and what they found out. */
export interface StartedActors {
  readonly verifierInfo: VerifierInfo;
  readonly schedulerConfig: SchedulerConfig;
}

/** The actors, from their making to their end, and the channel to the scheduler. */
export class LifeCycle {
  readonly #options: EngineOptions;
  readonly #events: LifeCycleEvents;
  readonly #actors: EngineActors;
  readonly #channel: PortChannel<EngineMessage>;
  #state: "starting" | "ready" | "crashed" | "stopped" = "starting";
  #stop: Promise<void> | undefined;

  /** Makes the actors' thread; it starts loading its code at once. */
  constructor(options: EngineOptions, parts: EngineParts, events: LifeCycleEvents) {
    const { placement, log } = options;
    this.#options = options;
    this.#events = events;
    this.#actors = new EngineActors(
      { placement, log, onCrash: (actor, error) => this.#crash(actor, error) },
      parts,
    );
    const { port1, port2 } = new MessageChannel();
    this.#actors.scheduler.connect("engine", port2);
    this.#channel = new PortChannel(port1);
    this.#channel.listen((message) => this.#events.onMessage(message));
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Starts the actors, once: first the verifier, which loads the weights, then those that need to know its pool. */
  async start(verifierConfig: VerifierConfig): Promise<StartedActors> {
    const { args, checkpoint, speculation, tokenizer } = this.#options;
    const { verifier, drafter, matcher, scheduler } = this.#actors;
    const [verifierInfo] = await Promise.all([verifier.start(verifierConfig), tokenizer.started]);
    const { costs } = await drafter.start({ speculation, verifierConfig, verifierInfo });
    await matcher.start({
      definition: tokenizer.definition,
      vocabSize: checkpoint.config.vocabSize,
      eosTokenIds: verifierConfig.eosTokenIds,
      grammarTimeoutMs: args.grammarTimeout * 1000,
    });
    const drafts = speculation && costs && { speculation, draftMs: costs };
    const schedulerConfig = planScheduler(args, verifierConfig, verifierInfo, drafts);
    await scheduler.start(schedulerConfig);
    if (this.#state !== "starting") {
      throw new UnavailableError(`Cannot start engine: its state is ${this.#state}`);
    }
    this.#state = "ready";
    return { verifierInfo, schedulerConfig };
  }

  /** Sends to the scheduler, whatever the state. */
  send(message: SchedulerMessage): void {
    this.#channel.send(message);
  }

  /**
   * Throws unless the scheduler answers.
   *
   * @throws {UnavailableError} before the start, after a crash and after a stop
   */
  assertReady(): void {
    if (this.#state !== "ready") {
      throw new UnavailableError(`Cannot serve: the engine's state is ${this.#state}`);
    }
  }

  /** Ends what waits with an {@linkcode UnavailableError}, then stops tokenizer and actors. */
  stop(): Promise<void> {
    return this.#stop ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    if (this.#state !== "crashed") this.#state = "stopped";
    this.#events.onEnd(new UnavailableError("Cannot finish request: the server is shutting down"));
    await this.#options.tokenizer.stop?.();
    await this.#actors.stop();
    this.#channel.close();
  }

  #crash(actor: Address, { message }: WireError): void {
    if (this.#state === "crashed" || this.#state === "stopped") return;
    this.#state = "crashed";
    const error = new ActorCrashedError(actor, message);
    this.#events.onEnd(error);
    this.#options.onCrash?.(error);
  }
}
