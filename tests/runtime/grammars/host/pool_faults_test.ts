/**
 * What a pool of grammar hosts survives beside lost hosts: each await of a step has an end.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { OutputConstraint } from "../../../../runtime/contracts/constraint.ts";
import { chainOf, type DraftTree, emptyTree } from "../../../../runtime/contracts/draft_tree.ts";
import { UnavailableError } from "../../../../runtime/contracts/errors.ts";
import { GrammarPool } from "../../../../runtime/grammars/host/pool.ts";
import { MAX_HOSTS } from "../../../../runtime/grammars/host/slots.ts";
import type { StepMasks } from "../../../../runtime/grammars/host/step.ts";
import { toDefinition } from "../../../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../../../runtime/tokenizer/tokenizer.ts";
import { childrenOf } from "../../../support/processes.ts";
import { TINY_SOURCE, TINY_VOCABULARY } from "../../../support/tiny_grammars.ts";

const definition = toDefinition(TINY_SOURCE);
const LETTER_A = loadTokenizer(TINY_SOURCE).encode("a", { addSpecialTokens: false })[0]!;
const LETTER: OutputConstraint = { grammar: { type: "ebnf", grammar: 'root ::= "a"' }, param: "ebnf" };
const THINKING: OutputConstraint = {
  thinking: { endTokens: [5, 6], maxTokens: 0 },
  param: "thinking_budget",
};

function poolOf(): GrammarPool {
  return new GrammarPool({ definition, vocabulary: TINY_VOCABULARY, timeoutMs: 20_000, log: () => {} });
}

function match(
  pool: GrammarPool,
  ids: readonly string[],
  { trees = [], tokens = [] }: {
    readonly trees?: readonly DraftTree[];
    readonly tokens?: readonly Int32Array[];
  } = {},
): Promise<StepMasks> {
  const requests = ids.map((requestId, i) => ({
    requestId,
    numBefore: 0,
    tokens: tokens[i] ?? new Int32Array(0),
    tree: trees[i] ?? emptyTree,
    maxNodes: 0,
  }));
  return pool.match(requests, () => {});
}

const pidsOfHosts = () =>
  childrenOf(Deno.pid).filter(({ command }) => command.includes("grammar_host.ts")).map(({ pid }) => pid);

Deno.test("pool: a step ends when the pool is stopped in the middle of it", async () => {
  const pool = poolOf();
  await pool.open("a", LETTER);
  const masks = match(pool, ["a"]);
  await pool.stop();
  assert.equal((await masks).sequences[0]!.error?.code, "unavailable");
});

Deno.test("pool: while no process can be started requests are refused", async () => {
  const { Command } = Deno;
  await using pool = poolOf();
  try {
    Deno.Command = class {
      constructor() {
        throw new Error("Too many open files");
      }
    } as unknown as typeof Command;
    await assert.rejects(pool.open("a", LETTER), UnavailableError);
  } finally {
    Deno.Command = Command;
  }
  assert.ok(await pool.open("b", LETTER));
});

Deno.test("pool: what lost its host in a step waits for the masks of the host that it goes to", async () => {
  await using pool = poolOf();
  await pool.open("thinks", THINKING);
  const [first] = pidsOfHosts() as [number];
  await pool.open("long", { grammar: { type: "ebnf", grammar: "root ::= [a-z]*" }, param: "ebnf" });
  // Its masks take longer than it takes to see that the other host is gone.
  const tree = chainOf(new Int32Array(5000).fill(LETTER_A), new Float32Array(5000).fill(1));
  Deno.kill(first, "SIGKILL");
  const { sequences } = await match(pool, ["long", "thinks"], { trees: [tree] });
  assert.deepEqual(sequences.map(({ error }) => error), [undefined, undefined]);
  assert.deepEqual(sequences.map(({ rows }) => rows.length), [5001, 1]);
  assert.notEqual(sequences[0]!.rows[0], sequences[1]!.rows[0]);
});

Deno.test("pool: a sequence that is followed too slowly fails, and nobody with it", async () => {
  await using pool = poolOf();
  const grammar = 'root ::= (o o o o o o o o)*\no ::= ("a"? "a"?)*';
  for (const id of ["slow", "fast"]) {
    await pool.open(id, { grammar: { type: "ebnf", grammar }, param: "ebnf" });
  }
  // So ambiguous that the time for a token grows with the square of their number: minutes for all of these.
  const tokens = new Int32Array(2000).fill(LETTER_A), pids = pidsOfHosts();
  const { sequences } = await match(pool, ["slow", "fast"], { tokens: [tokens] });
  assert.match(sequences[0]!.error!.message, /takes too long/);
  assert.equal(sequences[0]!.error!.code, "invalid_request");
  assert.equal(sequences[1]!.error, undefined);
  assert.deepEqual(pidsOfHosts(), pids);
});

Deno.test("pool: a host that was to run out of sequences for a request that left takes sequences again", async () => {
  await using pool = poolOf();
  const wordOf = (i: number): OutputConstraint => ({
    grammar: { type: "ebnf", grammar: `root ::= "${i}"` },
    param: "ebnf",
  });
  // One in each host that there may be.
  for (let i = 0; i < MAX_HOSTS; i++) await pool.open(`${i}`, wordOf(i));
  const left = pool.open("left", wordOf(MAX_HOSTS));
  pool.forget("left");
  assert.equal(await left, false);
  const again = Array.from({ length: MAX_HOSTS }, (_, i) => pool.open(`again ${i}`, wordOf(i)));
  assert.ok((await Promise.all(again)).every(Boolean));
});
