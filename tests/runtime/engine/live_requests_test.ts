/**
 * What the engine sends the scheduler for a request.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import type { GenerationRequest } from "../../../runtime/contracts/generation.ts";
import { LiveRequests } from "../../../runtime/engine/live_requests.ts";
import type { Cancel, Submit } from "../../../runtime/messages/engine_scheduler.ts";
import { pieceTokenizer, requestOf } from "../../support/test_engine.ts";

/** The command that a request becomes. */
async function submitted(
  asks: Partial<GenerationRequest>,
  { enforcesGrammars = true } = {},
): Promise<Submit | Cancel> {
  const sent: (Submit | Cancel)[] = [];
  const requests = new LiveRequests({
    model: {
      vocabSize: 3,
      eosTokenIds: [0],
      enforcesGrammars,
      embedding: { size: 4, pooling: "last", isNormalised: true, isOnly: false },
    },
    tokenizer: pieceTokenizer(["<end>", "a", "b"]),
    metrics: { watch: () => undefined },
    assertReady: () => {},
    send: (command) => void sent.push(command),
  });
  const updates = requests.generate({ ...requestOf("r", [1, 2]), ...asks });
  const next = updates.next();
  requests.fail(new Error("over"));
  const error = await next.then(() => undefined, (error: unknown) => error);
  if (!(error instanceof Error && error.message === "over")) throw error;
  return sent[0]!;
}

Deno.test("a request becomes a command with what was asked for, and no more", async () => {
  const { sampling } = requestOf("r", []), promptTokens = Int32Array.of(1, 2);
  const ordinary = { type: "submit", requestId: "r", promptTokens, sampling };
  assert.deepEqual(await submitted({}), ordinary);
  assert.deepEqual(await submitted({ origin: { isStreaming: true } }), ordinary);
  const asks = { speculative: false, reportsRounds: true, hiddenStates: "full" } as const;
  assert.deepEqual(await submitted(asks), { ...ordinary, ...asks });
});

Deno.test("a request with a grammar becomes a command with it, unless the server enforces none", async () => {
  const grammar = { type: "ebnf", grammar: 'root ::= "a"' } as const;
  const asks = { constraint: { grammar, param: "response_format" } };
  const thinking = { constraint: { thinking: { endTokens: [2] }, param: "thinking_budget" } };
  assert.deepEqual((await submitted(asks) as Submit).constraint, asks.constraint);
  const off = { enforcesGrammars: false };
  assert.deepEqual((await submitted(thinking, off) as Submit).constraint, thinking.constraint);
  await assert.rejects(submitted(asks, off), (error: Error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.equal(error.details["param"], "response_format");
    assert.match(error.message, /--grammar-backend none/);
    return true;
  });
});

Deno.test("thinking that cannot be followed is refused by the field that asks for it", async () => {
  const wrong = [{ endTokens: [] }, { endTokens: [9] }, { endTokens: [2], startToken: 3 }, {
    endTokens: [2],
    maxTokens: -1,
  }];
  for (const thinking of wrong) {
    await assert.rejects(
      submitted({ constraint: { thinking, param: "thinking_budget" } }),
      (error: Error) => {
        assert.ok(error instanceof InvalidRequestError);
        return error.details["param"] === "thinking_budget";
      },
    );
  }
});
