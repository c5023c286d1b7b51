/**
 * A verifier actor driven by hand: messages in, the answer out.
 *
 * @module
 */
import type { ActorContext } from "../../runtime/actor/actor.ts";
import { SimulatedClock } from "./simulated_clock.ts";
import { verifierActor } from "../../runtime/actors/verifier.ts";
import type { VerifierConfig, VerifierInfo } from "../../runtime/contracts/config.ts";
import type {
  Forwarded,
  Segment,
  SegmentResult,
  SequenceStart,
} from "../../runtime/messages/scheduler_verifier.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";

/** Runs forwards; disposing stops the actor. */
export class VerifierBench implements Disposable {
  readonly info: VerifierInfo;
  readonly log: string[] = [];
  readonly #actor = verifierActor();
  readonly #context: ActorContext;
  #answer: Forwarded | undefined;
  #step = 0;

  constructor(config: VerifierConfig) {
    this.#context = {
      send: (_to, message) => this.#answer = message as Forwarded,
      clock: new SimulatedClock(),
      log: (_level, text) => this.log.push(text),
    };
    this.info = this.#actor.start(config, this.#context) as VerifierInfo;
  }

  /** Results of a forward, segment by segment. */
  forward(starts: readonly SequenceStart[], segments: readonly Segment[]): readonly SegmentResult[] {
    const step = this.#step++;
    this.#answer = undefined;
    this.#actor.receive({ type: "forward", step, starts, segments }, this.#context);
    const answer = this.#answer as Forwarded | undefined;
    if (answer?.step !== step) throw new Error(`Cannot take answer: step ${answer?.step}, expected ${step}`);
    return answer.results;
  }

  /** Ends a sequence. */
  release(requestId: string): void {
    this.#actor.receive({ type: "release", requestId }, this.#context);
  }

  [Symbol.dispose](): void {
    this.#actor.stop();
  }
}

/** The start of a sequence: a prompt, then what was generated of it. */
export function startOf(
  requestId: string,
  sampling: Partial<SamplingParams>,
  prompt: readonly number[],
  output: readonly number[] = [],
): SequenceStart {
  return {
    requestId,
    sampling: { ...defaultSamplingParams, temperature: 0, ...sampling },
    tokens: Int32Array.from([...prompt, ...output]),
    numPromptTokens: prompt.length,
  };
}
