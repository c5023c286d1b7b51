/**
 * The scheduler: between the engine and the models. It decides nothing itself; `scheduling/` does.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import type { ControlCommand, ControlFact } from "../messages/control.ts";
import { type SpeculationUsage } from "../contracts/usage.ts";
import { type SchedulerMessage, unreachable } from "../messages/actors.ts";
import { type Flushed, type Inspected } from "../messages/engine_scheduler.ts";
import { type Draft } from "../messages/scheduler_drafter.ts";
import { type Forward, type Forwarded, type Release } from "../messages/scheduler_verifier.ts";
import { observeAdmissions, submit } from "../scheduling/admission.ts";
import { commit } from "../scheduling/commit.ts";
import { cancel, type SchedulerEvent } from "../scheduling/ending.ts";
import { type Drafts, planDraft, takeDrafts } from "../scheduling/drafting.ts";
import { NUM_JUDGED_VERIFICATIONS, warnByExperience } from "../scheduling/fixed_tree.ts";
import { News } from "../scheduling/news.ts";
import { pause, resume, settlePause } from "../scheduling/pausing.ts";
import { usageSince, zeroCounts } from "../scheduling/speculation_counts.ts";
import { decodeLine, preemptionLine, prefillLine } from "../scheduling/log_lines.ts";
import { schedule } from "../scheduling/schedule.ts";
import { withSettings } from "../scheduling/settings.ts";
import { createState, flush, inspect, isBusy, type SchedulingState, type Step } from "../scheduling/state.ts";
import { StepRecorder } from "../scheduling/step_recorder.ts";

class Scheduler implements Actor<SchedulerConfig, void, SchedulerMessage> {
  readonly name = "scheduler";
  #state!: SchedulingState;
  readonly #news = new News();
  /** When the step in flight was planned. */
  #plannedAt = 0;
  /** When the step in flight began: with the outcome of the one before, if it followed at once. */
  #begunAt = 0;
  /** When a model was asked for what is awaited. */
  #sentAt = 0;
  /** Time of all commits since the start. */
  #commitMs = 0;
  /** The drafts of the step in flight. */
  #draft: { readonly sentAt: number; readonly endedAt: number; readonly numSequences: number } | undefined;
  #recorder: StepRecorder | undefined;
  /** Pauses that were asked for and are answered when the step in flight is over. */
  #numUnansweredPauses = 0;
  // Since the last decode line:
  #numDecodeSteps = 0;
  #busyMs = 0;
  #generatedBefore = 0;
  #usageBefore: SpeculationUsage = zeroCounts();
  // Of the interval before it:
  #lastGenThroughput = 0;
  #lastSpeculation: SpeculationUsage | undefined;
  /** Whether draft trees were judged by experience. */
  #isJudged = false;

  start(config: SchedulerConfig): void {
    this.#state = createState(config);
  }

  receive(message: SchedulerMessage, context: ActorContext): void {
    switch (message.type) {
      case "submit": {
        const failed = submit(this.#state, message, context.clock.now());
        if (failed !== undefined) {
          this.#news.add([failed]);
          this.#tell(context);
        }
        return this.#next(context);
      }
      case "cancel":
        this.#take(cancel(this.#state, message.requestId), context);
        this.#tell(context);
        return this.#next(context);
      case "drafted": {
        const endedAt = context.clock.now(), draftMs = endedAt - this.#plannedAt;
        this.#draft = { sentAt: this.#sentAt, endedAt, numSequences: message.trees.length };
        this.#forward(takeDrafts(this.#state, message, draftMs), context);
        // Who came while the drafts were made is in this step, and it takes long.
        if (this.#hasPrompts) this.#tell(context);
        // Nobody may be left of whom they were for.
        return this.#settle(context);
      }
      case "forwarded": {
        const hadPrompts = this.#hasPrompts, now = context.clock.now(), stepMs = now - this.#plannedAt;
        const events = this.#commit(message, context);
        // What comes next is decided before anybody is told.
        this.#take(events, context);
        this.#settle(context);
        this.#next(context);
        this.#begunAt = now;
        // First tokens are awaited, and the next step takes long if it has prompts.
        const isUrgent = hadPrompts || this.#hasPrompts;
        if (isUrgent || !this.#news.canWait(this.#state, context.clock.now(), stepMs)) this.#tell(context);
        return;
      }
      case "flush": {
        const flushed: Flushed = { type: "flushed", done: flush(this.#state) };
        return context.send("engine", flushed);
      }
      case "inspect": {
        const state = inspect(this.#state, {
          commitMs: this.#commitMs,
          lastGenThroughput: this.#lastGenThroughput,
          ...(this.#lastSpeculation && { lastSpeculation: this.#lastSpeculation }),
        });
        const inspected: Inspected = { type: "inspected", state };
        return context.send("engine", inspected);
      }
      default:
        return this.#control(message, context);
    }
  }

  stop(): void {}

  #control(command: ControlCommand, context: ActorContext): void {
    const answer = (fact: ControlFact) => context.send("engine", fact);
    switch (command.type) {
      case "pause":
        this.#take(pause(this.#state, command.mode), context);
        this.#tell(context);
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

  /** Does what a pause has to do between two steps, and answers it. */
  #settle(context: ActorContext): void {
    if (isBusy(this.#state)) return;
    this.#release(settlePause(this.#state), context);
    if (this.#numUnansweredPauses > 0) this.#tell(context);
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
    if (step.releases.length > 0) context.log("warning", preemptionLine(step.releases.length));
    if (step.numPrefilling > 0) {
      observeAdmissions(this.#state, context.clock.now());
      context.log("info", prefillLine(this.#state, step));
    }
    this.#release(step.releases, context);
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
    this.#busyMs += now - this.#plannedAt;
    if (numDecoding > 0 && ++this.#numDecodeSteps === this.#state.config.decodeLogInterval) {
      const { generatedTokens, drafting } = this.#state;
      this.#lastGenThroughput = (generatedTokens - this.#generatedBefore) * 1000 / this.#busyMs;
      this.#lastSpeculation = drafting && usageSince(drafting.usage, this.#usageBefore);
      context.log(
        "info",
        decodeLine(this.#state, numDecoding, this.#lastGenThroughput, this.#lastSpeculation),
      );
      this.#numDecodeSteps = this.#busyMs = 0;
      this.#generatedBefore = generatedTokens;
      if (drafting) this.#usageBefore = { ...drafting.usage };
    }
    this.#judgeTrees(context);
    return events;
  }

  #judgeTrees(context: ActorContext): void {
    const { drafting, departures: { recent } } = this.#state;
    if (this.#isJudged || drafting === undefined) return;
    if (drafting.usage.numVerifications < NUM_JUDGED_VERIFICATIONS) return;
    this.#isJudged = true;
    const numSequences = Math.max(1, Math.round(recent.numSequences / recent.numSteps));
    const warning = warnByExperience(drafting.config, drafting.usage, numSequences);
    if (warning !== undefined) context.log("warning", warning);
  }

  #record(step: Step, { results, forwardMs }: Forwarded, forwardedAt: number, context: ActorContext): void {
    const { running, waiting } = this.#state;
    const profiled = this.#recorder?.add({
      step: step.forward.step,
      plannedAt: this.#plannedAt,
      ...(this.#draft && { draft: this.#draft }),
      sentAt: this.#sentAt,
      forwardedAt,
      forwardMs,
      committedAt: context.clock.now(),
      numDecoding: step.numDecoding,
      numPrefilling: step.numPrefilling,
      numPrefillRows: step.numPrefillRows,
      numDraftNodes: step.forward.segments.reduce((sum, { tree }) => sum + (tree?.tokens.length ?? 0), 0),
      numTokens: results.reduce((sum, { tokens }) => sum + tokens.length, 0),
      numRunning: running.length,
      numWaiting: waiting.size,
    });
    if (profiled === undefined) return;
    if (profiled.isLast) this.#recorder = undefined;
    context.send("engine", profiled);
  }

  /** Passes on what the models must hear, and keeps the rest. */
  #take(events: readonly SchedulerEvent[], context: ActorContext): void {
    this.#release(events.filter((event) => event.type === "release"), context);
    this.#news.add(events.filter((event) => event.type !== "release"));
  }

  #release(releases: readonly Release[], { send }: ActorContext): void {
    for (const release of releases) {
      send("verifier", release);
      send("drafter", release);
    }
  }

  /** Tells everything untold. */
  #tell({ send, clock }: ActorContext): void {
    const progressed = this.#news.take(clock.now());
    if (progressed !== undefined) send("engine", progressed);
  }
}

/** An actor that queues requests and runs them through the verifier in steps. */
export function schedulerActor(): Actor<SchedulerConfig, void, SchedulerMessage> {
  return new Scheduler();
}
