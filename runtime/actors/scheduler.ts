/**
 * The scheduler: between the engine and the models. It decides nothing itself; `scheduling/` does.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { SchedulerConfig } from "../config.ts";
import {
  type Flushed,
  type Forwarded,
  type Inspected,
  type SchedulerMessage,
  unreachable,
} from "../messages.ts";
import { submit } from "../scheduling/admission.ts";
import { commit } from "../scheduling/commit.ts";
import { cancel, type SchedulerEvent } from "../scheduling/ending.ts";
import { decodeLine, preemptionLine, prefillLine } from "../scheduling/log_lines.ts";
import { schedule } from "../scheduling/schedule.ts";
import { createState, flush, inspect, type SchedulingState } from "../scheduling/state.ts";

class Scheduler implements Actor<SchedulerConfig, void, SchedulerMessage> {
  readonly name = "scheduler";
  #state!: SchedulingState;
  /** When the step in flight was planned. */
  #plannedAt = 0;
  // Since the last decode line:
  #numDecodeSteps = 0;
  #busyMs = 0;
  #generatedBefore = 0;
  #lastGenThroughput = 0;

  start(config: SchedulerConfig): void {
    this.#state = createState(config);
  }

  receive(message: SchedulerMessage, context: ActorContext): void {
    switch (message.type) {
      case "submit": {
        const failed = submit(this.#state, message);
        if (failed !== undefined) context.send("engine", failed);
        return this.#next(context);
      }
      case "cancel":
        this.#tell(cancel(this.#state, message.requestId), context);
        return this.#next(context);
      case "forwarded":
        this.#commit(message, context);
        return this.#next(context);
      case "flush": {
        const flushed: Flushed = { type: "flushed", done: flush(this.#state) };
        return context.send("engine", flushed);
      }
      case "inspect": {
        const state = inspect(this.#state, this.#lastGenThroughput);
        const inspected: Inspected = { type: "inspected", state };
        return context.send("engine", inspected);
      }
      default:
        unreachable(message);
    }
  }

  stop(): void {}

  /** Sends the next step, if there is one. */
  #next(context: ActorContext): void {
    const now = context.clock.now();
    const step = schedule(this.#state);
    if (step === undefined) return;
    this.#plannedAt = now;
    if (step.releases.length > 0) context.log("warning", preemptionLine(step.releases.length));
    if (step.numPrefilling > 0) context.log("info", prefillLine(this.#state, step));
    this.#tell(step.releases, context);
    context.send("verifier", step.forward);
  }

  #commit(forwarded: Forwarded, context: ActorContext): void {
    const numDecoding = this.#state.inFlight?.numDecoding ?? 0;
    this.#tell(commit(this.#state, forwarded), context);
    this.#busyMs += context.clock.now() - this.#plannedAt;
    if (numDecoding > 0 && ++this.#numDecodeSteps === this.#state.config.decodeLogInterval) {
      const { generatedTokens } = this.#state;
      this.#lastGenThroughput = (generatedTokens - this.#generatedBefore) * 1000 / this.#busyMs;
      context.log("info", decodeLine(this.#state, numDecoding, this.#lastGenThroughput));
      this.#numDecodeSteps = this.#busyMs = 0;
      this.#generatedBefore = generatedTokens;
    }
  }

  #tell(events: readonly SchedulerEvent[], context: ActorContext): void {
    for (const event of events) {
      if (event.type === "release") {
        context.send("verifier", event);
        context.send("drafter", event);
      } else context.send("engine", event);
    }
  }
}

/** An actor that queues requests and runs them through the verifier in steps. */
export function schedulerActor(): Actor<SchedulerConfig, void, SchedulerMessage> {
  return new Scheduler();
}
