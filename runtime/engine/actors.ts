/**
 * The engine's four actors: where each runs, who can send to whom, and in which order they stop.
 *
 * @module
 */
import type { Actor } from "../actor/actor.ts";
import { turnEvery } from "../actor/event_loop.ts";
import type { Channel } from "../actor/channel.ts";
import type { ActorHost } from "../actor/host.ts";
import { InlineGroup } from "../actor/inline_group.ts";
import { ActorThread, WorkerHost } from "../actor/worker_host.ts";
import { actors } from "../actors/registry.ts";
import type {
  DrafterConfig,
  DrafterInfo,
  MatcherConfig,
  SchedulerConfig,
  VerifierConfig,
  VerifierInfo,
} from "../contracts/config.ts";
import type { WireError } from "../contracts/errors.ts";
import type { Address, DrafterMessage, MatcherMessage, VerifierMessage } from "../messages/actors.ts";
import type { EngineOptions } from "./options.ts";

/** Parts of an engine that take the place of the real ones, in tests; inline only. */
export interface EngineParts {
  /** Makes the verifier. */
  readonly verifier?: () => Actor<VerifierConfig, VerifierInfo, VerifierMessage>;
  /** Makes the drafter. */
  readonly drafter?: () => Actor<DrafterConfig, DrafterInfo, DrafterMessage>;
  /** Makes the matcher. */
  readonly matcher?: () => Actor<MatcherConfig, void, MatcherMessage>;
  /** Makes the two ends of a link between actors. */
  readonly channels?: () => [Channel, Channel];
}

/** How actors are hosted. */
export interface ActorOptions extends Pick<EngineOptions, "placement" | "log"> {
  /** Called when an actor threw. */
  onCrash(actor: Address, error: WireError): void;
}

/** Scheduler, drafter, verifier and matcher, made and connected, not yet started. */
export class EngineActors {
  readonly verifier: ActorHost<VerifierConfig, VerifierInfo>;
  readonly drafter: ActorHost<DrafterConfig, DrafterInfo>;
  readonly matcher: ActorHost<MatcherConfig, void>;
  readonly scheduler: ActorHost<SchedulerConfig, void>;

  /** Makes the actors' thread; it starts loading its code at once. */
  constructor(options: ActorOptions, parts: EngineParts) {
    // The actors work by turns: in one thread, no time is lost waking another.
    const thread = options.placement === "worker"
      ? new ActorThread("actors")
      : new InlineGroup(parts.channels);
    const host = <Config, Info, Message>(
      name: Address,
      actor: () => Actor<Config, Info, Message>,
    ): ActorHost<Config, Info> => {
      const own = { log: options.log, onCrash: (error: WireError) => options.onCrash(name, error) };
      if (thread instanceof ActorThread) return new WorkerHost(name, { ...own, thread });
      // The engine runs in this thread too, and receives by turns of the event loop.
      return thread.host(actor(), { ...own, pause: turnEvery(0) });
    };
    this.verifier = host("verifier", parts.verifier ?? actors.verifier);
    this.drafter = host("drafter", parts.drafter ?? actors.drafter);
    this.matcher = host("matcher", parts.matcher ?? actors.matcher);
    this.scheduler = host("scheduler", actors.scheduler);
    for (const other of [this.verifier, this.drafter, this.matcher]) {
      thread.link(this.scheduler.name, other.name);
    }
    thread.link(this.verifier.name, this.matcher.name);
  }

  /** Stops all, the scheduler first: it sends to the others. */
  async stop(): Promise<void> {
    await this.scheduler.stop();
    await this.drafter.stop();
    await this.verifier.stop();
    await this.matcher.stop();
  }
}
