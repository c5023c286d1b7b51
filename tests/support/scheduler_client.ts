/**
 * A client of the pure scheduler: records the events it gets and checks their order.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import type { Failed, Finished, Submit } from "../../runtime/messages/engine_scheduler.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { SpeculationRound } from "../../runtime/contracts/speculation_round.ts";
import type { ClientEvent } from "../../runtime/actors/scheduler_events.ts";
import { checkRound } from "./rounds.ts";

/** What a client received. */
export class Client {
  readonly prompt: readonly number[];
  readonly sampling: SamplingParams;
  readonly tokens: number[] = [];
  readonly logprobs: TokenLogprob[] = [];
  readonly rounds: SpeculationRound[] = [];
  /** What it asked for beside tokens. */
  readonly asks: Pick<Submit, "constraint" | "speculative" | "reportsRounds">;
  promptLogprobs: readonly TokenLogprob[] | undefined;
  last: Finished | Failed | undefined;

  constructor(prompt: readonly number[], sampling: SamplingParams, asks: Client["asks"] = {}) {
    this.prompt = prompt;
    this.sampling = sampling;
    this.asks = asks;
  }

  /** How it ended: the finish reason's type or the error's code. */
  get end(): string | undefined {
    return this.last?.type === "finished" ? this.last.reason.type : this.last?.error.code;
  }

  onEvent(event: ClientEvent): void {
    assert.equal(this.last, undefined, `${event.requestId} gets ${event.type} after its end`);
    if (event.type !== "tokens") {
      this.last = event;
      return;
    }
    if (event.promptLogprobs !== undefined) {
      assert.equal(this.tokens.length, 0, "prompt logprobs come with the first tokens");
      assert.equal(this.promptLogprobs, undefined, "prompt logprobs come once");
      this.promptLogprobs = event.promptLogprobs;
    }
    this.tokens.push(...event.tokens);
    if (this.sampling.numLogprobs >= 0) assert.equal(event.logprobs?.length, event.tokens.length);
    this.logprobs.push(...event.logprobs ?? []);
    const { round } = event;
    if (!this.asks.reportsRounds || event.tokens.length === 0) {
      assert.ok(!("round" in event), "no message has a round that was not asked for");
      return;
    }
    assert.deepEqual(round?.tokens, event.tokens);
    checkRound(round!);
    this.rounds.push(round!);
  }
}
