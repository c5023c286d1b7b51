import assert from "node:assert/strict";
import { emptyTree } from "../../../../runtime/contracts/draft_tree.ts";
import type { WireError } from "../../../../runtime/contracts/errors.ts";
import { GrammarHost } from "../../../../runtime/grammars/host/host.ts";
import { regexSource } from "../../../../runtime/grammars/regex.ts";
import { HostLostError } from "../../../../runtime/processes/host_child.ts";
import { toDefinition } from "../../../../runtime/tokenizer/source.ts";
import { childrenOf } from "../../../support/processes.ts";
import { TINY_SOURCE, TINY_VOCABULARY } from "../../../support/tiny_grammars.ts";
import { TINY_TOKENIZER } from "../../../support/tiny_tokenizer.ts";

const definition = toDefinition(TINY_SOURCE), vocabulary = TINY_VOCABULARY;
const DENO_VARIABLES = ["DENO_DIR", "HOME", "XDG_CACHE_HOME"];

const stepOf = (sequence: number) => ({
  heads: [{ sequence, numKept: 0, numTokens: 0, numNodes: 0, maxNodes: 8 }],
  tokens: [new Int32Array(0)],
  trees: [emptyTree],
});

Deno.test("grammar host: 500 grammars, each forgotten again, leave nothing behind; it may do nothing but that", async () => {
  const host = new GrammarHost({ definition, vocabulary });
  await host.load();
  const { command } = childrenOf(Deno.pid).find(({ pid }) => pid === host.pid)!;
  assert.ok(!/ (-A|--allow)/.test(command), command);
  const variables = Deno.readTextFileSync(`/proc/${host.pid}/environ`).split("\0").filter(Boolean);
  const names = variables.map((variable) => variable.split("=")[0]!);
  assert.deepEqual(names.filter((name) => !DENO_VARIABLES.includes(name)), []);

  const grown: number[] = [];
  for (let i = 1; i <= 500; i++) {
    // A grammar, or a matcher, that stayed would be 25 KB.
    const source = { type: "ebnf", grammar: `root ::= "${i}" ${'[a-z] "x" [0-9]* '.repeat(40)}` } as const;
    await host.compile({ grammar: i, source, timeoutMs: 20_000 });
    host.post({ type: "open", sequence: i, grammar: i });
    await host.match(stepOf(i)).masked;
    host.post({ type: "close", sequence: i });
    host.post({ type: "drop", grammar: i });
    if (i % 100 === 0) grown.push(host.grownBytes);
  }
  const megabytes = (grown[4]! - grown[1]!) / 2 ** 20;
  assert.ok(megabytes < 4, `${megabytes} MB between 200 and 500 grammars`);
  host.kill();
  await host.exited;
});

Deno.test("grammar host: one that hangs in a step is killed after a while", async () => {
  const host = new GrammarHost({ definition, vocabulary, matchTimeoutMs: 200 });
  await host.load();
  host.post({ type: "open", sequence: 1, thinking: { endTokens: [5] } });
  await host.match(stepOf(1)).masked;
  Deno.kill(host.pid, "SIGSTOP");
  const { refined, masked } = host.match(stepOf(1));
  const isLost = (error: Error) => error instanceof HostLostError && error.status === undefined;
  await assert.rejects(refined, isLost);
  await assert.rejects(masked, isLost);
  assert.equal((await host.exited).signal, "SIGKILL");
  // It says so at once from then on.
  await assert.rejects(host.match(stepOf(1)).refined, HostLostError);
});

Deno.test("grammar host: it has its time although the server's thread was busy for longer", async () => {
  const host = new GrammarHost({ definition, vocabulary, matchTimeoutMs: 1000 });
  await host.load();
  host.post({ type: "open", sequence: 1, thinking: { endTokens: [5] } });
  const { refined, masked } = host.match(stepOf(1));
  // As while a model reads a long prompt.
  for (const end = performance.now() + 1500; performance.now() < end;);
  await Promise.all([refined, masked]);
  host.kill();
  await host.exited;
});

Deno.test("grammar host: a sequence whose grammar takes more time with each token is ended", async () => {
  const host = new GrammarHost({ definition, vocabulary });
  await host.load();
  // Every token may stand in any of very many repetitions.
  const source = regexSource("((a{1,1000}){1,1000}){1,1000}", "regex");
  await host.compile({ grammar: 1, source, timeoutMs: 20_000 });
  host.post({ type: "open", sequence: 1, grammar: 1 });
  const token = TINY_TOKENIZER.tokens.indexOf("a");
  let error: WireError | undefined;
  for (let numKept = 0; numKept < 200 && error === undefined; numKept++) {
    const heads = [{ sequence: 1, numKept, numTokens: 1, numNodes: 0, maxNodes: 8 }];
    const { sequences } = await host.match({ heads, tokens: [Int32Array.of(token)], trees: [emptyTree] })
      .masked;
    error = sequences[0]!.error;
  }
  assert.match(error?.message ?? "", /takes too long/);
  host.kill();
  await host.exited;
});
