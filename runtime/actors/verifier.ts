/**
 * The verifier: hosts the target model and runs the scheduler's forwards. How is in `models/target_runner.ts`, what they
 * yield in `speculation/verification.ts`.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { unreachable, type VerifierMessage } from "../messages/actors.ts";
import type { Masked, Refined } from "../messages/matcher.ts";
import type { Forward, Forwarded } from "../messages/scheduler_verifier.ts";
import { loading } from "../models/load.ts";
import { TargetRunner } from "../models/target_runner.ts";
import { SequenceSampling } from "../sampling/sequence_sampling.ts";
import {
  ConstrainedForward,
  constrainedSegments,
  type RefinedForward,
} from "../speculation/constrained_forward.ts";
import { measureForwards, trialMs } from "../speculation/measure_forwards.ts";
import { type StateReader, Verification } from "../speculation/verification.ts";

/** A forward whose masks are awaited, with the time that the model took, milliseconds. */
interface ModelRun {
  readonly step: number;
  readonly forward: RefinedForward;
  readonly modelMs: number;
}

class Verifier implements Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  readonly name = "verifier";
  readonly #sequences = new Map<string, SequenceSampling>();
  #config!: VerifierConfig;
  #runner!: TargetRunner;
  /** The forward in flight, if the matcher takes part in it: waiting for its trees, then for its masks. */
  #matching: ConstrainedForward | undefined;
  #modelRun: ModelRun | undefined;

  start(config: VerifierConfig, context: ActorContext): VerifierInfo {
    return loading(config.checkpoint.path, () => {
      const runner = new TargetRunner(config, context);
      this.#config = config;
      this.#runner = runner;
      runner.calibrateThreads(() => trialMs(runner, config, 1));
      const costs = config.maxNodes > 0 && measureForwards(runner, config);
      return { ...runner.info, ...costs };
    });
  }

  receive(message: VerifierMessage, context: ActorContext): void {
    switch (message.type) {
      case "forward":
        return this.#forward(message, context);
      case "release":
        this.#sequences.delete(message.requestId);
        return;
      case "refined":
        return this.#onRefined(message);
      case "masked":
        return this.#onMasked(message, context);
      default:
        unreachable(message);
    }
  }

  stop(): void {
    this.#runner[Symbol.dispose]();
  }

  #forward(forward: Forward, context: ActorContext): void {
    const { eosTokenIds } = this.#config, { step, starts, segments } = forward;
    for (const start of starts) {
      this.#sequences.set(start.requestId, new SequenceSampling(start, eosTokenIds));
    }
    const samplingOf = (requestId: string) => this.#samplingOf(requestId);
    const constrained = constrainedSegments(forward, samplingOf);
    if (constrained.length > 0) {
      this.#matching = new ConstrainedForward(forward, constrained, samplingOf);
      return context.send("matcher", this.#matching.match);
    }
    const verification = new Verification(segments, samplingOf, this.#config);
    const forwardMs = this.#runner.run(verification);
    this.#answer({ step, forwardMs }, verification.conclude(this.#runner.sampler, this.#readStates), context);
  }

  /** Runs the model over the refined trees. The matcher makes the masks meanwhile. */
  #onRefined(refined: Refined): void {
    const matching = this.#matching, { step } = refined;
    this.#matching = undefined;
    if (matching?.step !== step) throw new RangeError(`Cannot run step ${step}: no trees of it are awaited`);
    const forward = matching.refine(refined, this.#config);
    this.#modelRun = { step, forward, modelMs: this.#runner.runModel(forward.verification.layouts) };
  }

  #onMasked(masked: Masked, context: ActorContext): void {
    const run = this.#modelRun, { step } = masked;
    this.#modelRun = undefined;
    if (run?.step !== step) throw new RangeError(`Cannot draw for step ${step}: no masks of it are awaited`);
    const { forward, modelMs } = run, masks = forward.masksOf(masked);
    const drawMs = this.#runner.draw(forward.verification.outputsUnder(masks), masked);
    const outcome = forward.conclude(this.#runner.sampler, this.#readStates, masks);
    this.#answer({ step, forwardMs: modelMs + drawMs }, outcome, context);
  }

  #answer(
    { step, forwardMs }: Pick<Forwarded, "step" | "forwardMs">,
    { results, copies }: ReturnType<Verification["conclude"]>,
    { send }: ActorContext,
  ): void {
    this.#runner.copySlots(copies);
    const { ranGraph } = this.#runner;
    const forwarded: Forwarded = { type: "forwarded", step, results, forwardMs, ranGraph };
    send("scheduler", forwarded);
  }

  /** Hidden states of outputs of the last forward. */
  readonly #readStates: StateReader = (firstOutput, numOutputs) =>
    this.#runner.readStates(firstOutput, numOutputs);

  #samplingOf(requestId: string): SequenceSampling {
    const sampling = this.#sequences.get(requestId);
    if (!sampling) throw new Error(`Cannot run segment: ${requestId} was not started`);
    return sampling;
  }
}

/** An actor that runs forwards of the target model in native code. */
export function verifierActor(): Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  return new Verifier();
}
