/**
 * The target model driven by hand: forwards of any number of rows of one sequence after any context, timed.
 *
 * @module
 */
import type { ActorContext } from "../../runtime/actor/actor.ts";
import { systemClock } from "../../runtime/actor/clock.ts";
import { verifierActor } from "../../runtime/actors/verifier.ts";
import type { VerifierInfo } from "../../runtime/contracts/config.ts";
import type { EngineOptions } from "../../runtime/engine/options.ts";
import { planVerifier } from "../../runtime/engine/engine_config.ts";
import type { Forwarded, SequenceStart } from "../../runtime/messages/scheduler_verifier.ts";
import { defaultSamplingParams } from "../../runtime/contracts/sampling_params.ts";

const SEQUENCE: SequenceStart = {
  requestId: "bench",
  sampling: { ...defaultSamplingParams, temperature: 0 },
  tokens: Int32Array.of(1),
  numPromptTokens: 1,
};

/** A verifier with one sequence that may be as long as the context; disposing frees it. */
export class Target implements Disposable {
  readonly info: VerifierInfo;
  readonly #actor = verifierActor();
  readonly #context: ActorContext;
  readonly #pages: Int32Array;
  #forwarded: Forwarded | undefined;

  constructor(options: EngineOptions) {
    this.#context = {
      send: (_to, message) => this.#forwarded = message as Forwarded,
      clock: systemClock,
      log: () => {},
    };
    const config = planVerifier({ ...options, eosTokenIds: [] });
    this.info = this.#actor.start(config, this.#context) as VerifierInfo;
    this.#pages = Int32Array.from({ length: Math.ceil(config.contextLength / config.pageSize) }, (_, i) => i);
  }

  /** Milliseconds of the native forward of `numRows` rows after `context` tokens; the last `numOutputs` get logits. */
  forwardMs(numRows: number, context: number, numOutputs: number): number {
    const segment = {
      requestId: SEQUENCE.requestId,
      tokens: Int32Array.from({ length: numRows }, (_, i) => 1000 + 7 * i),
      start: context,
      pages: this.#pages,
      sample: true,
      ...(numOutputs > 1 && {
        promptLogprobs: { numRows: numOutputs - 1, nextTokens: new Int32Array(numOutputs - 1).fill(7) },
      }),
    };
    const forward = { type: "forward", step: 0, starts: [SEQUENCE], segments: [segment] } as const;
    this.#actor.receive(forward, this.#context);
    return this.#forwarded!.forwardMs;
  }

  [Symbol.dispose](): void {
    void this.#actor.stop();
  }
}
