import assert from "node:assert/strict";
import fc from "fast-check";
import { type DraftTree, emptyTree, pathTokens } from "../../../../runtime/contracts/draft_tree.ts";
import { refine, walk } from "../../../../runtime/grammars/host/refine.ts";
import type { SequenceMatcher } from "../../../../runtime/grammars/host/sequence_matcher.ts";
import { anyOf, Matchers } from "../../../support/grammar_matchers.ts";
import { TINY_VOCABULARY } from "../../../support/tiny_grammars.ts";

const matchers = new Matchers(), { forced } = matchers;
const [END] = TINY_VOCABULARY.endTokens as readonly [number, number];

/** A tree of branches, each a text that hangs at the root; equal beginnings are shared. */
function treeOf(branches: readonly (readonly number[])[]): DraftTree {
  const tokens: number[] = [], parents: number[] = [];
  for (const branch of branches) {
    let at = -1;
    for (const token of branch) {
      let node = tokens.findIndex((other, i) => other === token && parents[i] === at);
      if (node < 0) {
        node = tokens.push(token) - 1;
        parents.push(at);
      }
      at = node;
    }
  }
  return {
    tokens: Int32Array.from(tokens),
    parents: Int32Array.from(parents),
    probabilities: Float32Array.from(tokens, (_, i) => 1 / (i + 2)),
  };
}

const pathsOf = (tree: DraftTree) => [...tree.tokens.keys()].map((node) => pathTokens(tree, node));
const encode = (text: string) => matchers.encode(text);

async function accepts(create: () => Promise<SequenceMatcher>, tokens: readonly number[]): Promise<boolean> {
  const matcher = await create();
  const isAccepted = tokens.every((token) => matcher.accept(token));
  matcher.dispose();
  return isAccepted;
}

const texts = fc.array(fc.string({ unit: fc.constantFrom(..."ate"), maxLength: 5 }), {
  minLength: 1,
  maxLength: 5,
});

Deno.test("refine: of any tree just the nodes stay whose path a fresh matcher accepts, and the matcher where it was", async () => {
  await fc.assert(
    fc.asyncProperty(texts, texts, fc.boolean(), async (language, drafts, ends) => {
      const create = await matchers.of({ grammar: anyOf(language) }), matcher = await create();
      const tree = treeOf(drafts.map((text) => [...encode(text), ...ends ? [END, ...encode("a")] : []]));
      const before = await matcher.allowed();
      const refined = await refine(matcher, tree, { maxNodes: 0, forced });
      const expected = [];
      for (const path of pathsOf(tree)) if (await accepts(create, path)) expected.push(path);
      assert.deepEqual(pathsOf(refined), expected);
      assert.deepEqual(await matcher.allowed(), before);
      // What is allowed at each node is what a fresh matcher allows behind the same tokens.
      await walk(matcher, refined, async (node) => {
        const fresh = await create();
        for (const token of pathTokens(refined, node)) fresh.accept(token);
        assert.deepEqual(await matcher.allowed(), await fresh.allowed());
        fresh.dispose();
      });
      matcher.dispose();
    }),
    { numRuns: 80 },
  );
});

Deno.test("refine: the tokens that must come next are a branch; drafts that agree go on at its end", async () => {
  const grammar = anyOf(['{"rest": "a', '{"rest": "te', '{"rest": 1']),
    create = await matchers.of({ grammar });
  const matcher = await create(), branch = encode('{"rest":');
  const agreeing = encode('{"rest": "te'), tree = treeOf([encode('"'), agreeing, encode('{"a')]);
  const refined = await refine(matcher, tree, { maxNodes: 30, forced });
  assert.deepEqual(pathsOf(refined), agreeing.map((_, i) => agreeing.slice(0, i + 1)));
  assert.deepEqual([...refined.probabilities.subarray(0, branch.length)], branch.map(() => 1));
  assert.deepEqual(
    refined.probabilities.at(-1),
    tree.probabilities[tree.tokens.lastIndexOf(agreeing.at(-1)!)],
  );
  matcher.dispose();
});

Deno.test("refine: a tree has no more than maxNodes nodes by forced tokens, which go before drafts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.nat(3), async (maxNodes, numDrafts) => {
      const matcher = await (await matchers.of({ grammar: anyOf(["bcd1,bcd2;te", "bcd1,bcd2;a"]) }))();
      const branch = encode("bcd1,bcd2;"), drafts = encode("bcd1").slice(0, numDrafts);
      const refined = await refine(matcher, treeOf([drafts]), { maxNodes, forced });
      const numNodes = maxNodes === 0 ? numDrafts : Math.min(maxNodes, branch.length);
      assert.deepEqual(pathsOf(refined), branch.slice(0, numNodes).map((_, i) => branch.slice(0, i + 1)));
      matcher.dispose();
    }),
  );
});

Deno.test("refine: parents stay before children, and siblings in their order", async () => {
  const matcher =
    await (await matchers.of({ grammar: { type: "ebnf", grammar: 'root ::= "b" [a-z]+ "!"' } }))();
  const tree = treeOf(["bx", "bq", "by!", "bqq"].map(encode));
  const refined = await refine(matcher, tree, { maxNodes: 20, forced });
  assert.deepEqual(refined.tokens, tree.tokens);
  assert.deepEqual(refined.parents, tree.parents);
  assert.equal(refined.probabilities[0], 1);
  matcher.dispose();
});

Deno.test("refine: where nothing else may come the end token is drafted", async () => {
  const matcher = await (await matchers.of({ grammar: anyOf(["bcd"]) }))();
  assert.deepEqual(await forced.next(matcher), [...encode("bcd"), END]);
  for (const token of encode("bcd")) matcher.accept(token);
  const refined = await refine(matcher, emptyTree, { maxNodes: 4, forced });
  assert.deepEqual([...refined.tokens], [END]);
  matcher.dispose();
});

Deno.test("refine: the last forced token is left out where what follows may become a part of it", async () => {
  // The tiny vocabulary has a token "te".
  const matcher = await (await matchers.of({ grammar: anyOf(["bcte", "bcta"]) }))();
  assert.deepEqual(await forced.next(matcher), encode("bc"));
  matcher.dispose();
});

Deno.test("refine: the end of the thinking is drafted when it is due, and what the grammar forces behind it", async () => {
  const thinking = { endTokens: encode("xyz"), maxTokens: 2 };
  const matcher = await (await matchers.of({ grammar: anyOf(["bcd"]), thinking }))();
  assert.deepEqual(await forced.next(matcher), []);
  for (const token of encode("qq")) matcher.accept(token);
  assert.deepEqual(await forced.next(matcher), [...encode("xyzbcd"), END]);
  matcher.accept(encode("x")[0]!);
  const refined = await refine(matcher, treeOf([encode("q"), encode("yz")]), { maxNodes: 2, forced });
  assert.deepEqual(pathsOf(refined), [encode("y"), encode("yz")]);
  matcher.dispose();
});

Deno.test("refine: a special token that a structural tag names is text there, and nowhere else", async () => {
  const mark = "<|im_start|>", [special] = [1];
  const content = { type: "const_string", value: "ab" };
  const format = {
    type: "triggered_tags",
    triggers: [mark],
    tags: [{ type: "tag", begin: `${mark}b`, content, end: "." }],
  };
  const tag = JSON.stringify({ type: "structural_tag", format });
  const matcher = await (await matchers.of({ grammar: { type: "structural_tag", tag } }))();
  for (const token of [...encode("te"), special]) assert.ok(matcher.accept(token));
  assert.deepEqual(await forced.next(matcher), encode("bab."));
  matcher.dispose();
  const required = JSON.stringify({ type: "structural_tag", format: { ...format, at_least_one: true } });
  const forcing = await (await matchers.of({ grammar: { type: "structural_tag", tag: required } }))();
  assert.deepEqual(await forced.next(forcing), [special, ...encode("bab.")]);
  forcing.dispose();
  const plain = await (await matchers.of({ grammar: { type: "ebnf", grammar: `root ::= "${mark}"` } }))();
  assert.ok(!plain.accept(special));
  assert.deepEqual(await forced.next(plain), [...encode(mark), END]);
  plain.dispose();
});
