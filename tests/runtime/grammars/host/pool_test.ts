import assert from "node:assert/strict";
import type { GrammarSource, OutputConstraint } from "../../../../runtime/contracts/constraint.ts";
import { chainOf, type DraftTree, emptyTree } from "../../../../runtime/contracts/draft_tree.ts";
import { InvalidRequestError, UnavailableError } from "../../../../runtime/contracts/errors.ts";
import { jsonSchemaSource } from "../../../../runtime/grammars/json_schema.ts";
import { GrammarPool } from "../../../../runtime/grammars/host/pool.ts";
import type { StepMasks } from "../../../../runtime/grammars/host/step.ts";
import { toDefinition } from "../../../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../../../runtime/tokenizer/tokenizer.ts";
import { areGone, childrenOf } from "../../../support/processes.ts";
import { TINY_SOURCE, TINY_VOCABULARY } from "../../../support/tiny_grammars.ts";

const tokenizer = loadTokenizer(TINY_SOURCE), definition = toDefinition(TINY_SOURCE);
const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });

function poolOf(timeoutMs = 20_000): GrammarPool {
  return new GrammarPool({ definition, vocabulary: TINY_VOCABULARY, timeoutMs, log: () => {} });
}

/** One that takes minutes to compile. */
const SLOW = 'root ::= ("a" | "b" | [a-z]{1,2000} | ("x" [a-z]{0,3000}){0,3000}){1,3000}';

const ebnf = (grammar: string): OutputConstraint => ({ grammar: { type: "ebnf", grammar }, param: "ebnf" });
const object = (key: string): OutputConstraint => {
  const schema = { type: "object", properties: { [key]: { type: "integer" } }, required: [key] };
  return { grammar: jsonSchemaSource(schema, "response_format"), param: "response_format" };
};

const hosts = () => childrenOf(Deno.pid).filter(({ command }) => command.includes("grammar_host.ts"));

/** One step of a pool, with what came when. */
async function step(
  pool: GrammarPool,
  requests: readonly {
    id: string;
    numBefore?: number;
    tokens?: Int32Array;
    tree?: DraftTree;
    maxNodes?: number;
  }[],
): Promise<{ trees: DraftTree[]; masks: StepMasks }> {
  let trees: DraftTree[] = [];
  const masks = await pool.match(
    requests.map(({ id, numBefore = 0, tokens = new Int32Array(0), tree = emptyTree, maxNodes = 0 }) => ({
      requestId: id,
      numBefore,
      tokens,
      tree,
      maxNodes,
    })),
    (refined) => trees = refined,
  );
  return { trees, masks };
}

/** Texts of the tokens that a row allows. */
function allowed({ sequences, words }: StepMasks, index: number, row = 0): string[] {
  const numWords = Math.ceil(TINY_VOCABULARY.vocabSize / 32), { rows } = sequences[index]!;
  const mask = words.subarray(rows[row]! * numWords, (rows[row]! + 1) * numWords);
  return Array.from({ length: TINY_VOCABULARY.vocabSize }, (_, token) => token)
    .filter((token) => (mask[token >>> 5]! >>> (token & 31) & 1) === 1)
    .map((token) => tokenizer.tokenName(token));
}

Deno.test("pool: 32 sequences of six grammars, each with its own masks; nothing runs before or afterwards", async () => {
  await using pool = poolOf();
  assert.deepEqual(hosts(), []);
  const ids = Array.from({ length: 32 }, (_, i) => `r${i}`), keyOf = (i: number) => `key${i % 6}`;
  const opened = await Promise.all(ids.map((id, i) => pool.open(id, object(keyOf(i)))));
  assert.ok(opened.every(Boolean));
  assert.ok(hosts().length <= 4, `${hosts().length} hosts`);
  const texts = ids.map((_, i) => encode(`{"${keyOf(i)}": ${i}`));
  const first = await step(pool, ids.map((id) => ({ id, maxNodes: 30 })));
  const requests = ids.map((id, i) => ({
    id,
    tokens: texts[i]!,
    tree: chainOf(encode("}x"), Float32Array.of(1, 1)),
  }));
  const answers = [await step(pool, requests)];
  for (const { pid } of hosts()) Deno.kill(pid, "SIGKILL");
  // Nobody waits for a host to run out of sequences, which wait for this step.
  const others = ["x", "y", "z"].map((key) => pool.open(key, object(key)));
  answers.push(await step(pool, requests));
  ids.forEach((_, i) => {
    assert.equal(tokenizer.decode([...first.trees[i]!.tokens]), `{"${keyOf(i)}": `);
    assert.deepEqual(allowed(first.masks, i), ["{"]);
    const digits = i === 0 ? [] : [..."0123456789"];
    for (const { trees, masks } of answers) {
      assert.deepEqual([...trees[i]!.tokens], [...encode("}")]);
      assert.deepEqual(allowed(masks, i).sort(), [...digits, "}"].sort());
      assert.deepEqual(allowed(masks, i, 1), ["<|endoftext|>", "<|im_end|>"]);
      assert.deepEqual([...masks.sequences[i]!.mustEnd], [0, 1]);
    }
  });
  for (const id of ids) pool.forget(id);
  assert.ok((await Promise.all(others)).every(Boolean));
  const pids = hosts().map(({ pid }) => pid);
  await pool.stop();
  assert.ok(await areGone(pids));
});

Deno.test("pool: what cannot be compiled is refused by the field's name, and no other waits", async () => {
  await using pool = poolOf(3000);
  await pool.open("ready", object("a"));
  const slow = assert.rejects(
    pool.open("slow", ebnf(SLOW)),
    new InvalidRequestError(
      "Cannot use ebnf: its grammar took longer than 3 s to compile (--grammar-timeout)",
      "ebnf",
    ),
  );
  const order = [slow.then(() => "slow")];
  // What has been compiled goes on, and other grammars compile.
  await step(pool, [{ id: "ready" }]);
  order.push(pool.open("again", object("a")).then(() => "again"));
  order.push(pool.open("other", object("b")).then(() => "other"));
  assert.notEqual(await Promise.race(order), "slow");
  await Promise.all(order);
  const refused: [GrammarSource, RegExp][] = [
    [
      { type: "ebnf", grammar: "root ::= x" },
      /^Cannot use ebnf: EBNF parser error .*Rule "x" is not defined$/,
    ],
    [{ type: "ebnf", grammar: "root ::= root" }, /^Cannot use ebnf: no output matches it$/],
    [
      { type: "structural_tag", tag: '{"type": "structural_tag", "format": {"type": "unknown"}}' },
      /^Cannot use ebnf: /,
    ],
  ];
  for (const [i, [grammar, text]] of refused.entries()) {
    await assert.rejects(
      pool.open(`refused ${i}`, { grammar, param: "ebnf" }),
      (error: Error) => error instanceof InvalidRequestError && text.test(error.message),
    );
  }
  await step(pool, [{ id: "ready" }, { id: "again" }, { id: "other" }]);
});

Deno.test("pool: sequences of a killed host go on in another, once", async () => {
  await using pool = poolOf();
  const tree = chainOf(encode("1x"), Float32Array.of(1, 1));
  await pool.open("a", object("a"));
  await pool.open("b", object("a"));
  const expected = await step(pool, [{ id: "a", tokens: encode('{"a": 1'), tree }, { id: "b", maxNodes: 9 }]);
  const kill = () => hosts().forEach(({ pid }) => Deno.kill(pid, "SIGKILL"));

  kill();
  const again = [{ id: "a", numBefore: encode('{"a": 1').length, tree }, { id: "b", maxNodes: 9 }];
  assert.deepEqual(await step(pool, again), expected);

  // The second time it is over for them, but not for others, even in the middle of a step.
  await pool.open("c", object("a"));
  const killed = step(pool, [...again, { id: "c", maxNodes: 9 }]);
  kill();
  const { masks: { sequences } } = await killed;
  assert.match(sequences[0]!.error!.message, /^Cannot follow the grammar: its host was lost twice$/);
  assert.equal(sequences[1]!.error?.code, "unavailable");
  assert.equal(sequences[2]!.error, undefined);
  assert.deepEqual(sequences[0]!.rows, new Int32Array(3).fill(-1));
});

Deno.test("pool: matchers follow the tokens, also those that were taken back", async () => {
  await using pool = poolOf();
  await pool.open("a", object("a"));
  const text = encode('{"a": 12');
  const { masks } = await step(pool, [{ id: "a", tokens: text }]);
  const whole = allowed(masks, 0);
  await step(pool, [{ id: "a", numBefore: text.length, tokens: encode("}") }]);
  // Overlapping, as after a preemption, and with another end.
  assert.deepEqual(allowed((await step(pool, [{ id: "a", numBefore: text.length }])).masks, 0), whole);
  assert.deepEqual(
    allowed((await step(pool, [{ id: "a", numBefore: 2, tokens: text.slice(2) }])).masks, 0),
    whole,
  );
  const { masks: odd } = await step(pool, [{ id: "a", numBefore: 1, tokens: encode("x") }]);
  assert.equal(odd.sequences[0]!.error?.code, "invalid_request");

  // Where a draft leads nowhere no token comes, so that the answer fails there as it does without drafts.
  await pool.open("stuck", ebnf('root ::= "a" stuck\nstuck ::= stuck'));
  const tree = chainOf(encode("a"), Float32Array.of(1));
  const { masks: stuck } = await step(pool, [{ id: "stuck", tree }]);
  assert.deepEqual([allowed(stuck, 0), allowed(stuck, 0, 1)], [["a"], []]);
  const after = await step(pool, [{ id: "stuck", tokens: encode("a") }]);
  assert.equal(after.masks.sequences[0]!.error?.code, "invalid_request");
});

Deno.test("pool: who leaves while its grammar waits or compiles gets no answer, and nobody else is hurt", async () => {
  await using pool = poolOf(2000);
  const left = ["a", "b", "c"].map((id) => pool.open(id, ebnf(SLOW)));
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const id of ["a", "b", "c"]) pool.forget(id);
  assert.deepEqual(await Promise.all(left), [false, false, false]);
  assert.ok(await pool.open("d", object("d")));
  const { masks } = await step(pool, [{ id: "a" }, { id: "d" }]);
  assert.deepEqual([...masks.sequences[0]!.rows], [-1]);
  assert.deepEqual(allowed(masks, 1), ["{"]);
});

Deno.test("pool: thinking without a grammar is followed, too", async () => {
  await using pool = poolOf();
  const endTokens = [...encode("xy")];
  await pool.open("a", { thinking: { endTokens, maxTokens: 2 }, param: "thinking_budget" });
  const { masks, trees } = await step(pool, [{ id: "a", tokens: encode("qq"), maxNodes: 5 }]);
  assert.deepEqual([...trees[0]!.tokens], endTokens);
  assert.deepEqual([...masks.sequences[0]!.rows], [0, 1, -1]);
  assert.deepEqual(allowed(masks, 0), ["x"]);
});

Deno.test("pool: stopping ends what waits", async () => {
  const pool = poolOf();
  const waiting = assert.rejects(pool.open("a", ebnf(SLOW)), UnavailableError);
  await pool.stop();
  await waiting;
  assert.deepEqual(hosts(), []);
});
