import assert from "node:assert/strict";
import type { ActorContext } from "../../../runtime/actor/actor.ts";
import { systemClock } from "../../../runtime/actor/clock.ts";
import { matcherActor } from "../../../runtime/actors/matcher.ts";
import type { OutputConstraint } from "../../../runtime/contracts/constraint.ts";
import { emptyTree } from "../../../runtime/contracts/draft_tree.ts";
import type { Compiled, Masked, Refined } from "../../../runtime/messages/matcher.ts";
import { toDefinition } from "../../../runtime/tokenizer/source.ts";
import { TINY_SOURCE, TINY_VOCABULARY } from "../../support/tiny_grammars.ts";

type Answer = { readonly to: string; readonly message: Compiled | Refined | Masked };

/** An actor's context whose messages can be awaited one by one. */
function mailbox(): { readonly context: ActorContext; next(): Promise<Answer> } {
  const answers: Answer[] = [];
  let wake = () => {};
  const send: ActorContext["send"] = (to, message) => {
    answers.push({ to, message: message as Answer["message"] });
    wake();
  };
  return {
    context: { send, clock: systemClock, log: () => {} },
    next: async () => {
      while (answers.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return answers.shift()!;
    },
  };
}

const configOf = (definition: Uint8Array | undefined) => ({
  definition,
  vocabSize: TINY_VOCABULARY.vocabSize,
  eosTokenIds: TINY_VOCABULARY.endTokens,
  grammarTimeoutMs: 20_000,
});
const ebnf = (grammar: string): OutputConstraint => ({ grammar: { type: "ebnf", grammar }, param: "ebnf" });

Deno.test("matcher actor: compiled goes to the scheduler, trees and then masks to the verifier", async () => {
  const actor = matcherActor(), { context, next } = mailbox();
  await actor.start(configOf(toDefinition(TINY_SOURCE)), context);
  const sent = [["good", 'root ::= "bcd"'], ["gone", 'root ::= "b"'], ["bad", "root ::= x"]] as const;
  for (const [requestId, grammar] of sent) {
    actor.receive({ type: "compile", requestId, constraint: ebnf(grammar) }, context);
  }
  actor.receive({ type: "forget", requestId: "gone" }, context);
  const compiled = new Map<string, Compiled>();
  for (let i = 0; i < 2; i++) {
    const { to, message } = await next();
    assert.equal(to, "scheduler");
    assert.equal(message.type, "compiled");
    compiled.set((message as Compiled).requestId, message as Compiled);
  }
  assert.equal(compiled.get("good")!.error, undefined);
  assert.ok(compiled.get("good")!.stats!.numHosts > 0);
  assert.equal(compiled.get("bad")!.error?.code, "invalid_request");
  assert.equal(compiled.get("bad")!.error?.details["param"], "ebnf");

  const request = {
    requestId: "good",
    numBefore: 0,
    tokens: new Int32Array(0),
    tree: emptyTree,
    maxNodes: 9,
  };
  actor.receive({ type: "match", step: 7, requests: [request] }, context);
  const refined = await next(), masked = await next();
  assert.deepEqual([refined.to, refined.message.type, masked.to, masked.message.type], [
    "verifier",
    "refined",
    "verifier",
    "masked",
  ]);
  const [tree] = (refined.message as Refined).trees, { step, sequences, words } = masked.message as Masked;
  assert.equal(step, 7);
  assert.equal(tree!.tokens.length, 4);
  assert.deepEqual([...sequences[0]!.rows], [0, 1, 2, 3, 3]);
  assert.equal(words.length, 4 * Math.ceil(TINY_VOCABULARY.vocabSize / 32));
  await actor.stop();
});

Deno.test("matcher actor: without a tokenizer's source every constraint is refused", async () => {
  const actor = matcherActor(), { context, next } = mailbox();
  await actor.start(configOf(undefined), context);
  actor.receive({ type: "compile", requestId: "r", constraint: ebnf('root ::= "a"') }, context);
  const { message } = await next();
  assert.match((message as Compiled).error!.message, /^Cannot use ebnf: /);
  await actor.stop();
});
