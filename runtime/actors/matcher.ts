/**
 * The matcher says which tokens may come next in sequences whose output obeys a constraint. It owns the grammar hosts, and
 * starts them when the first such sequence comes.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { MatcherConfig } from "../contracts/config.ts";
import { InvalidRequestError, toWireError, type WireError } from "../contracts/errors.ts";
import { GrammarPool } from "../grammars/host/pool.ts";
import { type MatcherMessage, unreachable } from "../messages/actors.ts";
import type { Compile, Compiled, Masked, Match, Refined } from "../messages/matcher.ts";

class Matcher implements Actor<MatcherConfig, void, MatcherMessage> {
  readonly name = "matcher";
  /** Undefined if the tokenizer's source is not known. */
  #pool: GrammarPool | undefined;

  start(
    { definition, vocabSize, eosTokenIds, grammarTimeoutMs }: MatcherConfig,
    { log }: ActorContext,
  ): void {
    if (definition === undefined) return;
    const vocabulary = { vocabSize, endTokens: eosTokenIds };
    this.#pool = new GrammarPool({ definition, vocabulary, timeoutMs: grammarTimeoutMs, log });
  }

  receive(message: MatcherMessage, context: ActorContext): void | Promise<void> {
    switch (message.type) {
      case "compile":
        // Others are not kept waiting.
        return void this.#compile(message, context);
      case "forget":
        return this.#pool?.forget(message.requestId);
      case "match":
        return void this.#match(message, context);
      default:
        unreachable(message);
    }
  }

  async stop(): Promise<void> {
    await this.#pool?.stop();
  }

  async #compile({ requestId, constraint }: Compile, { send }: ActorContext): Promise<void> {
    const pool = this.#pool;
    let error: WireError | undefined;
    try {
      if (pool === undefined) {
        const { param } = constraint;
        throw new InvalidRequestError(`Cannot use ${param}: the tokenizer's source is not known`, param);
      }
      if (!await pool.open(requestId, constraint)) return;
    } catch (thrown) {
      error = toWireError(thrown);
    }
    const compiled: Compiled = {
      type: "compiled",
      requestId,
      ...(error && { error }),
      ...(pool && { stats: pool.stats }),
    };
    send("scheduler", compiled);
  }

  async #match({ step, requests }: Match, { send }: ActorContext): Promise<void> {
    const masks = await this.#pool!.match(requests, (trees) => {
      const refined: Refined = { type: "refined", step, trees };
      send("verifier", refined);
    });
    const masked: Masked = { type: "masked", step, ...masks };
    send("verifier", masked);
  }
}

/** An actor that follows grammars, in processes of its own. */
export function matcherActor(): Actor<MatcherConfig, void, MatcherMessage> {
  return new Matcher();
}
