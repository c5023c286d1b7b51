/**
 * Scheduler actor, between the engine and the models. Decisions are made in `scheduling/`, times are measured here.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import type { ControlCommand, ControlFact } from "../messages/control.ts";
import { observeAdmissions, submit } from "../admission/admission.ts";
import { compilingSequence, enqueueCompiled } from "../admission/compiling.ts";
import { type SchedulerMessage, unreachable } from "../messages/actors.ts";
import type { Flushed, Inspected, Submit } from "../messages/engine_scheduler.ts";
import type { Compile, Compiled } from "../messages/matcher.ts";
import { type Draft } from "../messages/scheduler_drafter.ts";
import type { Forward, Forwarded } from "../messages/scheduler_verifier.ts";
import { StepRecorder } from "../metrics/step_recorder.ts";
import { commit } from "../scheduling/commit.ts";
import { planDraft, takeDrafts } from "../scheduling/drafting.ts";
import { cancel, failSequence, type SchedulerEvent } from "../scheduling/ending.ts";
import { inspect } from "../scheduling/inspect.ts";
import { OutputBuffer } from "../scheduling/output_buffer.ts";
import { pause, resume, settlePause } from "../scheduling/pausing.ts";
import { schedule } from "../scheduling/schedule.ts";
import { withSettings } from "../scheduling/settings.ts";
import {
  createState,
  type Drafts,
  flush,
  isBusy,
  type SchedulingState,
  type Step,
} from "../scheduling/state.ts";
import { createPolicy } from "../speculation_policy/create_policy.ts";
import { sendEvents, sendReleases } from "./scheduler_events.ts";
import { SchedulerLog } from "./scheduler_log.ts";
import { recordOf } from "./step_record.ts";

class Scheduler implements Actor<SchedulerConfig, void, SchedulerMessage> {
  readonly name = "scheduler";
  #state!: SchedulingState;
  readonly #output = new OutputBuffer();
  /** When the step in flight was planned. */
  #plannedAt = 0;
  /** When the step in flight began: with the outcome of the one before, if it followed at once. */
  #begunAt = 0;
  /** Time at which the awaited draft or forward was sent to a model. */
  #sentAt = 0;
  /** Time of all commits since the start. */
  #commitMs = 0;
  /** The drafts of the step in flight. */
  #draft: { readonly sentAt: number; readonly endedAt: number; readonly numSequences: number } | undefined;
  #recorder: StepRecorder | undefined;
  /** Pauses that were asked for and are answered when the step in flight is over. */
  #numUnansweredPauses = 0;
  readonly #log = new SchedulerLog();

  start(config: SchedulerConfig): void {
    this.#state = createState(config, createPolicy(config.drafting));
  }

  receive(message: SchedulerMessage, context: ActorContext): void {
    switch (message.type) {
      case "submit":
        return this.#submit(message, context);
      case "compiled":
        return this.#onCompiled(message, context);
      case "cancel":
        this.#handleEvents(cancel(this.#state, message.requestId), context);
        this.#flush(context);
        return this.#next(context);
      case "drafted": {
        const endedAt = context.clock.now(), draftMs = endedAt - this.#plannedAt;
        this.#draft = { sentAt: this.#sentAt, endedAt, numSequences: message.trees.length };
        this.#forward(takeDrafts(this.#state, message, draftMs), context);
        // A step that reads the prompts of requests that came meanwhile takes long.
        if (this.#hasPrompts) this.#flush(context);
        // All sequences that the drafts were for may have been cancelled.
        return this.#settle(context);
      }
      case "forwarded":
        return this.#onForwarded(message, context);
      case "flush": {
        const flushed: Flushed = { type: "flushed", done: flush(this.#state) };
        return context.send("engine", flushed);
      }
      case "inspect": {
        const { genThroughput: lastGenThroughput, speculation: lastSpeculation } = this.#log.meter;
        const state = inspect(this.#state, {
          commitMs: this.#commitMs,
          lastGenThroughput,
          ...(lastSpeculation && { lastSpeculation }),
        });
        const inspected: Inspected = { type: "inspected", state };
        return context.send("engine", inspected);
      }
      default:
        return this.#handleCommand(message, context);
    }
  }

  stop(): void {}

  #submit(message: Submit, context: ActorContext): void {
    const { requestId, constraint } = message;
    const failed = submit(this.#state, message, context.clock.now());
    if (failed !== undefined) {
      this.#output.add([failed]);
      this.#flush(context);
    } else if (constraint !== undefined) {
      const compile: Compile = { type: "compile", requestId, constraint };
      context.send("matcher", compile);
    }
    this.#next(context);
  }

  /** Nothing happens for a request that has ended meanwhile. */
  #onCompiled({ requestId, error }: Compiled, context: ActorContext): void {
    const sequence = compilingSequence(this.#state, requestId);
    if (sequence === undefined) return;
    if (error === undefined) {
      enqueueCompiled(this.#state, sequence);
      return this.#next(context);
    }
    this.#handleEvents(failSequence(this.#state, sequence, error), context);
    this.#flush(context);
  }

  #onForwarded(message: Forwarded, context: ActorContext): void {
    const hadPrompts = this.#hasPrompts, now = context.clock.now(), stepMs = now - this.#plannedAt;
    const events = this.#commit(message, context);
    // The next step is sent before the events of the last, so that the models need not wait.
    this.#handleEvents(events, context);
    this.#settle(context);
    this.#next(context);
    this.#begunAt = now;
    // First tokens are awaited, and the next step takes long if it has prompts.
    const isUrgent = hadPrompts || this.#hasPrompts;
    if (isUrgent || !this.#output.canDelay(this.#state, context.clock.now(), stepMs)) this.#flush(context);
  }

  #handleCommand(command: ControlCommand, context: ActorContext): void {
    const answer = (fact: ControlFact) => context.send("engine", fact);
    switch (command.type) {
      case "pause":
        this.#handleEvents(pause(this.#state, command.mode), context);
        this.#flush(context);
        this.#numUnansweredPauses++;
        return this.#settle(context);
      case "resume":
        resume(this.#state);
        // A pause that ends before the step in flight does is over, too.
        this.#answerPauses(context);
        answer({ type: "resumed" });
        return this.#next(context);
      case "configure":
        this.#state.config = withSettings(this.#state.config, command.settings);
        answer({ type: "configured" });
        return this.#next(context);
      case "startProfile":
        this.#recorder = new StepRecorder(command);
        return answer({ type: "profileStarted" });
      case "stopProfile":
        // Of one that ended by itself the last steps are on their way.
        if (this.#recorder !== undefined) answer(this.#recorder.end());
        this.#recorder = undefined;
        return;
      default:
        unreachable(command);
    }
  }

  /** Settles a pause between two steps, and answers it. */
  #settle(context: ActorContext): void {
    if (isBusy(this.#state)) return;
    sendReleases(settlePause(this.#state), context);
    if (this.#numUnansweredPauses > 0) this.#flush(context);
    this.#answerPauses(context);
  }

  #answerPauses({ send }: ActorContext): void {
    for (; this.#numUnansweredPauses > 0; this.#numUnansweredPauses--) send("engine", { type: "paused" });
  }

  /** Whether the step in flight reads prompts. */
  get #hasPrompts(): boolean {
    const { inFlight } = this.#state;
    return inFlight !== undefined && inFlight.numPrefilling > 0;
  }

  /** Sends what comes next, if there is anything: drafts to be made, or a forward. */
  #next(context: ActorContext): void {
    if (isBusy(this.#state)) return;
    this.#plannedAt = this.#begunAt = context.clock.now();
    const drafting = planDraft(this.#state);
    if (drafting === undefined) this.#forward(new Map(), context);
    else this.#ask("drafter", drafting.draft, context);
  }

  #forward(drafts: Drafts, context: ActorContext): void {
    const step = schedule(this.#state, drafts);
    if (step === undefined) return;
    if (step.numPrefilling > 0) observeAdmissions(this.#state, context.clock.now());
    this.#log.onPlanned(this.#state, step, context);
    sendReleases(step.releases, context);
    this.#ask("verifier", step.forward, context);
  }

  #ask(model: "drafter" | "verifier", command: Draft | Forward, context: ActorContext): void {
    this.#sentAt = context.clock.now();
    context.send(model, command);
  }

  #commit(forwarded: Forwarded, context: ActorContext): SchedulerEvent[] {
    const step = this.#state.inFlight, numDecoding = step?.numDecoding ?? 0;
    const now = context.clock.now();
    const events = commit(this.#state, forwarded, now - this.#sentAt, now - this.#begunAt);
    this.#commitMs += context.clock.now() - now;
    if (this.#recorder && step) this.#record(step, forwarded, now, context);
    this.#draft = undefined;
    const { ranGraph = false } = forwarded, busyMs = now - this.#plannedAt;
    this.#log.onCommitted(this.#state, { numDecoding, busyMs, ranGraph }, context);
    return events;
  }

  #record(step: Step, forwarded: Forwarded, forwardedAt: number, context: ActorContext): void {
    const profiled = this.#recorder?.add(recordOf(this.#state, step, forwarded, {
      plannedAt: this.#plannedAt,
      ...(this.#draft && { draft: this.#draft }),
      sentAt: this.#sentAt,
      forwardedAt,
      committedAt: context.clock.now(),
    }));
    if (profiled === undefined) return;
    if (profiled.isLast) this.#recorder = undefined;
    context.send("engine", profiled);
  }

  /** Sends models and matcher what concerns them, and puts the other events into the output buffer. */
  #handleEvents(events: readonly SchedulerEvent[], context: ActorContext): void {
    this.#output.add(sendEvents(events, context));
  }

  /** Sends the engine all pending events. */
  #flush({ send, clock }: ActorContext): void {
    const progressed = this.#output.flush(clock.now());
    if (progressed !== undefined) send("engine", progressed);
  }
}

/** An actor that queues requests and runs them through the verifier in steps. */
export function schedulerActor(): Actor<SchedulerConfig, void, SchedulerMessage> {
  return new Scheduler();
}
