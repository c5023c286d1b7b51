/**
 * The scheduler actor: moves messages between the engine and the models; every decision is in `scheduling/`.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { SchedulerConfig } from "../config.ts";
import {
  type Forwarded,
  type Inspected,
  type Release,
  type SchedulerMessage,
  unreachable,
} from "../messages.ts";
import { commit } from "../scheduling/commit.ts";
import { decodeLine, prefillLine } from "../scheduling/log_lines.ts";
import { cancel, flush, submit } from "../scheduling/requests.ts";
import { schedule } from "../scheduling/schedule.ts";
import { newState, type Outcome, type State } from "../scheduling/state.ts";

class Scheduler implements Actor<SchedulerConfig, void, SchedulerMessage> {
  readonly name = "scheduler";
  #state!: State;
  #numDecodeSteps = 0;
  /** Time and token count at the last decode line, for its throughput. */
  #lastLine = { ms: 0, numGenerated: 0 };
  #throughput = 0;

  start(config: SchedulerConfig): void {
    this.#state = newState(config);
  }

  receive(message: SchedulerMessage, context: ActorContext): void {
    if (message.type === "inspect") return context.send("engine", this.#inspect());
    this.#tell(this.#apply(message, context), context);
    const { step, released } = schedule(this.#state);
    this.#release(released, context);
    if (!step) return;
    if (step.numPrefillRows > 0) context.log("info", prefillLine(this.#state, step));
    context.send("verifier", step.forward);
  }

  stop(): void {}

  #apply(message: Exclude<SchedulerMessage, { type: "inspect" }>, context: ActorContext): Outcome {
    switch (message.type) {
      case "submit":
        // An idle time is no part of the throughput that follows it.
        if (this.#state.running.length === 0 && this.#state.waiting.length === 0) this.#markLine(context);
        return submit(this.#state, message);
      case "cancel":
        return cancel(this.#state, message.requestId);
      case "flush":
        return flush(this.#state);
      case "forwarded":
        return this.#commit(message, context);
      default:
        return unreachable(message);
    }
  }

  #commit(forwarded: Forwarded, context: ActorContext): Outcome {
    const isDecode = this.#state.inFlight?.numPrefillRows === 0;
    const outcome = commit(this.#state, forwarded);
    if (isDecode && ++this.#numDecodeSteps % this.#state.config.decodeLogInterval === 0) {
      const seconds = (context.clock.now() - this.#lastLine.ms) / 1000;
      this.#throughput = (this.#state.numGenerated - this.#lastLine.numGenerated) / seconds;
      this.#markLine(context);
      context.log("info", decodeLine(this.#state, this.#throughput));
    }
    return outcome;
  }

  #markLine({ clock }: ActorContext): void {
    this.#lastLine = { ms: clock.now(), numGenerated: this.#state.numGenerated };
  }

  #tell({ messages, released }: Outcome, context: ActorContext): void {
    for (const message of messages) context.send("engine", message);
    this.#release(released, context);
  }

  #release(requestIds: readonly string[], { send }: ActorContext): void {
    for (const requestId of requestIds) {
      const release: Release = { type: "release", requestId };
      send("verifier", release);
      send("drafter", release);
    }
  }

  #inspect(): Inspected {
    const { running, waiting, allocator, cache, numPreemptions, numSteps, numGenerated } = this.#state;
    return {
      type: "inspected",
      state: {
        numRunning: running.length,
        numWaiting: waiting.length,
        numPages: allocator.numPages,
        numFreePages: allocator.numFree,
        numEvictablePages: cache.numEvictable,
        numPreemptions,
        numSteps,
        generatedTokens: numGenerated,
        lastGenThroughput: this.#throughput,
      },
    };
  }
}

/** An actor that decides what every forward computes. */
export function schedulerActor(): Actor<SchedulerConfig, void, SchedulerMessage> {
  return new Scheduler();
}
