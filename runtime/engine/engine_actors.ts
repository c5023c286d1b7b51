/**
 * The engine's three actors: where each runs, who can send to whom, and in which order they stop.
 *
 * @module
 */
import type { Actor } from "../actor/actor.ts";
import { type ActorHost, connectActors } from "../actor/host.ts";
import { InlineHost } from "../actor/inline_host.ts";
import { ActorThread, WorkerHost } from "../actor/worker_host.ts";
import { actors } from "../actors/registry.ts";
import type { SchedulerConfig, VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import type { EngineOptions } from "./engine_options.ts";
import type { WireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { DrafterConfig, DrafterInfo } from "../contracts/speculation_config.ts";

/** What actors are hosted with. */
export interface ActorOptions extends Pick<EngineOptions, "placement" | "log" | "verifier" | "drafter"> {
  /** An actor threw. */
  onCrash(actor: Address, error: WireError): void;
}

/** Scheduler, drafter and verifier, made and connected, not yet started. */
export class EngineActors {
  readonly verifier: ActorHost<VerifierConfig, VerifierInfo>;
  readonly drafter: ActorHost<DrafterConfig, DrafterInfo>;
  readonly scheduler: ActorHost<SchedulerConfig, void>;

  /** Makes the actors' thread; it starts loading its code at once. */
  constructor(options: ActorOptions) {
    // The actors work by turns: in one thread, no time is lost waking another.
    const thread = options.placement === "worker" ? new ActorThread("actors") : undefined;
    const host = <Config, Info, Message>(
      name: Address,
      actor: () => Actor<Config, Info, Message>,
    ): ActorHost<Config, Info> => {
      const own = { log: options.log, onCrash: (error: WireError) => options.onCrash(name, error) };
      return thread ? new WorkerHost(name, { ...own, thread }) : new InlineHost(actor(), own);
    };
    this.verifier = host("verifier", options.verifier ?? actors.verifier);
    this.drafter = host("drafter", options.drafter ?? actors.drafter);
    this.scheduler = host("scheduler", actors.scheduler);
    for (const model of [this.verifier, this.drafter]) {
      if (thread) thread.link(this.scheduler.name, model.name);
      else connectActors(this.scheduler, model);
    }
  }

  /** Stops all, the scheduler first: it sends to the others. */
  async stop(): Promise<void> {
    await this.scheduler.stop();
    await this.drafter.stop();
    await this.verifier.stop();
  }
}
