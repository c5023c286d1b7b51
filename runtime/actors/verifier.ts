/**
 * The verifier: hosts the target model and runs the scheduler's forwards. How is in `models/target_runner.ts`, what they
 * yield in `speculation/verification.ts`.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { unreachable, type VerifierMessage } from "../messages/actors.ts";
import type { Forward, Forwarded } from "../messages/scheduler_verifier.ts";
import { loading } from "../models/load.ts";
import { TargetRunner } from "../models/target_runner.ts";
import { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { measureForwards, trialMs } from "../speculation/measure_forwards.ts";
import { Verification } from "../speculation/verification.ts";

class Verifier implements Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  readonly name = "verifier";
  readonly #sequences = new Map<string, SequenceSampling>();
  #config!: VerifierConfig;
  #runner!: TargetRunner;

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
      case "masked":
        return;
      default:
        unreachable(message);
    }
  }

  stop(): void {
    this.#runner[Symbol.dispose]();
  }

  #forward({ step, starts, segments }: Forward, { send }: ActorContext): void {
    const { eosTokenIds } = this.#config;
    for (const start of starts) {
      this.#sequences.set(start.requestId, new SequenceSampling(start, eosTokenIds));
    }
    const verification = new Verification(segments, (requestId) => this.#samplingOf(requestId), this.#config);
    const forwardMs = this.#runner.run(verification);
    const { ranGraph } = this.#runner;
    const { results, copies } = verification.conclude(
      this.#runner.sampler,
      (firstOutput, numOutputs) => this.#runner.readStates(firstOutput, numOutputs),
    );
    this.#runner.copySlots(copies);
    const forwarded: Forwarded = { type: "forwarded", step, results, forwardMs, ranGraph };
    send("scheduler", forwarded);
  }

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
