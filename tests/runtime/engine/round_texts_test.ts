/**
 * Rounds with the texts of their tokens, as a generation's consumer gets them.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { emptyTree } from "../../../runtime/contracts/draft_tree.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import type { SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { TextRound } from "../../../runtime/contracts/speculation_round.ts";
import { LiveRequest } from "../../../runtime/engine/live_request.ts";
import { Detokenizer } from "../../../runtime/tokenizer/detokenizer.ts";
import { requestOf } from "../../support/test_engine.ts";

/** Token 0 is the end token; it and 1 are special. */
const END = 0, SPECIAL = 1;

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A token of each byte of some text, of some parts and of wholes. */
const VOCABULARY: readonly Uint8Array[] = [
  utf8("<end>"),
  utf8("<s>"),
  ...[..."ab é😀"].flatMap((
    character,
  ) => [utf8(character), ...[...utf8(character)].map((byte) => Uint8Array.of(byte))]),
  utf8("ab"),
  utf8("ba😀"),
  utf8("😀").slice(0, 2),
  utf8("😀").slice(2),
  new Uint8Array(0),
];

/** The token of a text or of bytes. */
function tokenOf(of: string | Uint8Array): number {
  const bytes = typeof of === "string" ? utf8(of) : of;
  return VOCABULARY.findIndex((known) =>
    known.length === bytes.length && known.every((byte, i) => byte === bytes[i])
  );
}

function detokenizer({ skipSpecialTokens }: { readonly skipSpecialTokens: boolean }): Detokenizer {
  const table = {
    bytesAt: (token: number) => VOCABULARY[token]!,
    isSpecial: (token: number) => token <= SPECIAL,
  };
  return new Detokenizer(table, { skipSpecialTokens, strip: { character: " ", count: 1 } });
}

/**
 * Updates of a generation whose steps yield these tokens, all but the last of a step accepted drafts, until something
 * ends it.
 *
 * @param takes whether the consumer takes an update after a step
 */
async function run(
  steps: readonly (readonly number[])[],
  sampling: Partial<SamplingParams>,
  takes: (step: number) => boolean = () => true,
): Promise<GenerationUpdate[]> {
  const request = { ...requestOf("r", [], sampling), reportsRounds: true }, updates: GenerationUpdate[] = [];
  let isOver = false;
  const options = { tokenizer: { detokenizer }, eosTokenIds: [END], cancel: () => void (isOver = true) };
  const live = new LiveRequest(request, options);
  for (const [index, step] of steps.entries()) {
    const tokens = Int32Array.from(step), accepted = Int32Array.from(step.slice(1), (_, i) => i);
    const round = { tokens, tree: emptyTree, accepted, draftMs: index, verifyMs: 1 };
    live.onTokens({ type: "tokens", requestId: "r", tokens, round });
    if (takes(index)) updates.push(await live.next());
    if (isOver || step.includes(END)) break;
  }
  live.finish({ type: "length", length: 0 });
  updates.push(await live.next());
  return updates;
}

const tokensOf = (rounds: readonly TextRound[]) => rounds.flatMap(({ tokens }) => [...tokens]);
const textOf = (rounds: readonly TextRound[]) => rounds.flatMap(({ texts }) => texts).join("");

/** Checks the rounds of some updates against their tokens and their text. */
function checkUpdates(updates: readonly GenerationUpdate[]): TextRound[] {
  const rounds: TextRound[] = [], tokens: number[] = [];
  let text = "";
  for (const update of updates) {
    rounds.push(...update.rounds ?? []);
    tokens.push(...update.tokens);
    text += update.text;
    assert.ok(text.startsWith(textOf(rounds)), "never more than the text so far");
    assert.deepEqual(tokensOf(rounds), tokens.slice(0, tokensOf(rounds).length));
  }
  assert.equal(textOf(rounds), text);
  assert.deepEqual(tokensOf(rounds), tokens);
  for (const { tokens, texts, accepted } of rounds) {
    assert.equal(texts.length, tokens.length);
    assert.ok(accepted.length === tokens.length || accepted.length === tokens.length - 1);
  }
  return rounds;
}

const settings = fc.record({
  stop: fc.array(fc.constantFrom("a", "ba", "aba", "😀b", "é ", "b<s>", "\ufffd"), { maxLength: 2 }),
  stopRegex: fc.subarray(["b+a", "\\bb\\b", "😀.?a"], { maxLength: 1 }),
  noStopTrim: fc.boolean(),
  skipSpecialTokens: fc.boolean(),
});
const stepsOf = fc.array(
  fc.array(fc.nat(VOCABULARY.length - 1), { minLength: 1, maxLength: 5 }),
  { minLength: 1, maxLength: 8 },
).map((steps) => {
  // The scheduler cuts what comes behind an end token.
  return steps.map((step) => step.slice(0, step.includes(END) ? step.indexOf(END) + 1 : undefined));
});

Deno.test("the texts of all tokens joined are the text, and those of the first rounds its beginning", async () => {
  const seen = { cut: 0, unfinished: 0, late: 0, hidden: 0 };
  await fc.assert(
    fc.asyncProperty(stepsOf, settings, fc.array(fc.boolean()), async (steps, sampling, taken) => {
      const updates = await run(steps, sampling, (step) => taken[step] ?? true),
        rounds = checkUpdates(updates);
      const tokens = tokensOf(rounds), texts = rounds.flatMap(({ texts }) => texts), whole = texts.join("");
      const shown = detokenizer(sampling);
      // A token adds what the detokenizer says with it, unless that is cut off.
      const own = tokens.map((token) => token === END && !sampling.noStopTrim ? "" : shown.push(token));
      const rest = shown.flush(), isCut = own.join("").length + rest.length > whole.length;
      let at = 0;
      const expected = own.map((text) => whole.slice(at, at += text.length));
      const last = Math.max(0, tokens.findLastIndex((token) => token !== END || sampling.noStopTrim));
      if (!isCut) expected[last] += rest;
      assert.deepEqual(texts, expected);
      if (isCut) seen.cut++;
      if (!isCut && rest !== "") seen.unfinished++;
      if (!isCut && rest !== "" && last < tokens.length - 1) seen.hidden++;
      if (updates.slice(0, -1).some(({ rounds }) => rounds === undefined)) seen.late++;
    }),
    { numRuns: 3000 },
  );
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: ${count}`);
});

const smile = [tokenOf(utf8("😀").slice(0, 2)), tokenOf(utf8("😀").slice(2))] as const;
const [a, b, ab, space] = ["a", "b", "ab", " "].map(tokenOf) as [number, number, number, number];

/** The texts that each update brings. */
function textsByUpdate(updates: readonly GenerationUpdate[]): (readonly string[])[][] {
  return updates.map(({ rounds = [] }) => rounds.map(({ texts }) => texts));
}

Deno.test("a round comes with its tokens, once nothing of their text is withheld any more", async (t) => {
  const cases: [string, number[][], Partial<SamplingParams>, string[][][]][] = [
    ["whole characters", [[a, b], [ab]], {}, [[["a", "b"]], [["ab"]], []]],
    ["half a character", [[a, smile[0]], [smile[1]]], {}, [[], [["a", ""], ["😀"]], []]],
    ["a character that is never whole", [[a], [smile[0]], [END]], {}, [[["a"]], [], [], [["\ufffd"], [""]]]],
    ["one that breaks off", [[smile[0]], [b]], {}, [[], [[""], ["\ufffdb"]], []]],
    ["what begins a stop text and does not go on", [[a], [a], [space]], { stop: ["ab"] }, [
      [],
      [["a"]],
      [["a"], [" "]],
      [],
    ]],
    ["a stop text across rounds", [[b, a], [b, a, a], [a]], { stop: ["ab"] }, [[], [], [["b", ""], [""]]]],
    ["a stop text within a token", [[b], [ab]], { stop: ["b"] }, [[], [[""]]]],
    ["one that is kept", [[a, ab, a], [a]], { stop: ["ab"], noStopTrim: true }, [[["a", "ab"]], []]],
    ["special tokens", [[a, SPECIAL, b], [END]], {}, [[["a", "", "b"]], [[""]], []]],
    ["special tokens that are shown", [[SPECIAL, END]], { skipSpecialTokens: false }, [[["<s>", ""]], []]],
    ["the space before all text", [[space, a]], {}, [[["", "a"]], []]],
  ];
  for (const [name, steps, sampling, expected] of cases) {
    await t.step(name, async () => {
      const updates = await run(steps, sampling);
      checkUpdates(updates);
      assert.deepEqual(textsByUpdate(updates), expected);
    });
  }
});

Deno.test("a round is cut where a stop text ends, and has no more accepted drafts than tokens", async () => {
  const updates = await run([[a, a, b, a]], { stop: ["aa"] });
  const [round] = checkUpdates(updates);
  assert.deepEqual([...round!.tokens], [a, a]);
  assert.deepEqual([...round!.accepted], [0, 1]);
});

Deno.test("an update says nothing of rounds unless they were asked for", async () => {
  const request = requestOf("r", [], {}), options = { tokenizer: { detokenizer }, eosTokenIds: [END] };
  const live = new LiveRequest(request, { ...options, cancel: () => {} });
  live.onTokens({ type: "tokens", requestId: "r", tokens: Int32Array.of(a) });
  assert.deepEqual(Object.keys(await live.next()), ["text", "tokens", "usage"]);
});
