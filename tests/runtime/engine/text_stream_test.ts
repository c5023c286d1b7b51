import assert from "node:assert/strict";
import fc from "fast-check";
import { TextStream } from "../../../runtime/engine/text_stream.ts";
import { Detokenizer } from "../../../runtime/tokenizer/detokenizer.ts";

/** Few characters, so that random stop texts occur and overlap; one has two UTF-16 units. */
const text = (options: { minLength?: number; maxLength: number }) =>
  fc.array(fc.constantFrom("a", "b", "😀"), options).map((characters) => characters.join(""));

/** The definition, without cleverness: the stop text that is complete first, the longest of several. */
function cutAtOnce(whole: string, stop: readonly string[], noStopTrim: boolean) {
  const longestFirst = [...stop].sort((a, b) => b.length - a.length);
  for (let end = 1; end <= whole.length; end++) {
    const matched = longestFirst.find((candidate) => whole.slice(0, end).endsWith(candidate));
    if (matched !== undefined) {
      return { text: whole.slice(0, noStopTrim ? end : end - matched.length), matched };
    }
  }
  return { text: whole, matched: undefined };
}

/** Splits a text into tokens, those of `special` not shown; the last piece comes only with `flush`. */
function streamOf(
  pieces: readonly string[],
  stop: readonly string[],
  noStopTrim: boolean,
  special: readonly boolean[] = [],
  stopRegex: readonly string[] = [],
): TextStream {
  const source = (textOf: (token: number) => string) => ({
    push: textOf,
    flush: () => textOf(pieces.length - 1),
    follow: () => {},
    start: 0,
    isUnfinished: false,
  });
  const whole = source((token) => pieces[token]!);
  const shown = source((token) => special[token] ? "" : pieces[token]!);
  return new TextStream({ shown, whole, stop, stopRegex, noStopTrim, findsStarts: false });
}

Deno.test("TextStream yields the text cut at once, however it is split into tokens", () => {
  fc.assert(
    fc.property(
      fc.array(text({ maxLength: 4 }), { minLength: 1, maxLength: 12 }),
      fc.array(text({ minLength: 1, maxLength: 4 }), { maxLength: 3 }),
      fc.boolean(),
      (pieces, stop, noStopTrim) => {
        const stream = streamOf(pieces, stop, noStopTrim);
        let streamed = "";
        let matched: string | undefined;
        for (let token = 0; token < pieces.length && matched === undefined; token++) {
          const piece = token === pieces.length - 1 ? stream.flush() : stream.push(token);
          streamed += piece.text;
          matched = piece.matched;
        }
        assert.deepEqual({ text: streamed, matched }, cutAtOnce(pieces.join(""), stop, noStopTrim));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("TextStream withholds what may become a stop text and nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(text({ minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 12 }),
      fc.array(text({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      (pieces, stop) => {
        const stream = streamOf(pieces, stop, false);
        let streamed = "";
        for (let token = 0; token < pieces.length - 1; token++) {
          const piece = stream.push(token);
          if (piece.matched !== undefined) return;
          streamed += piece.text;
          const whole = pieces.slice(0, token + 1).join("");
          const tails = [...Array(whole.length + 1).keys()].map((start) => whole.slice(start));
          const longestTail = tails.find((tail) => stop.some((candidate) => candidate.startsWith(tail)))!;
          assert.equal(streamed, whole.slice(0, whole.length - longestTail.length));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("TextStream ends at what matches an expression, however the text is split into tokens", () => {
  const stopRegex = ["a{2,}b", "\\bb\\b", "😀.?a", "b(?:a|😀)*b"];
  const stream = (pieces: readonly string[], noStopTrim: boolean) => {
    const stream = streamOf([...pieces, ""], ["aba"], noStopTrim, [], stopRegex);
    let text = "";
    for (const token of pieces.keys()) {
      const piece = stream.push(token);
      text += piece.text;
      if (piece.matched !== undefined) return { text, matched: piece.matched };
    }
    const last = stream.flush();
    return { text: text + last.text, matched: last.matched };
  };
  const matched = new Set<string | undefined>();
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.constantFrom("a", "b", " ", "😀"), { maxLength: 4 }), { maxLength: 8 }),
      fc.boolean(),
      (pieces, noStopTrim) => {
        const whole = pieces.flat();
        const one = stream(whole, noStopTrim);
        assert.deepEqual(stream(pieces.map((piece) => piece.join("")), noStopTrim), one);
        assert.deepEqual(stream([whole.join("")], noStopTrim), one);
        assert.ok(whole.join("").startsWith(one.text));
        matched.add(one.matched);
      },
    ),
    { numRuns: 2000 },
  );
  assert.deepEqual(matched, new Set([undefined, "aba", ...stopRegex]));
  assert.deepEqual(stream(["so ", "aa", "ab", "x"], false), { text: "so ", matched: "a{2,}b" });
  assert.deepEqual(stream(["so ", "aa", "ab", "x"], true), { text: "so aaab", matched: "a{2,}b" });
  assert.deepEqual(stream(["bx b", "a b"], false), { text: "bx ba ", matched: "\\bb\\b" });
});

Deno.test("TextStream never matches half a character", () => {
  const stream = streamOf(["😀", "!"], ["\ude00!"], false);
  assert.deepEqual(stream.push(0), { text: "😀" });
  assert.deepEqual(stream.flush(), { text: "!" });
});

/** Where the first stop text is complete: token, and characters of it left over. */
function firstStop(pieces: readonly string[], stop: readonly string[]) {
  const cut = cutAtOnce(pieces.join(""), stop, true);
  if (cut.matched === undefined) return undefined;
  const ends = pieces.map((_, token) => pieces.slice(0, token + 1).join("").length);
  const token = ends.findIndex((end) => end >= cut.text.length);
  return { matched: cut.matched, token, numLeft: ends[token]! - cut.text.length };
}

Deno.test("TextStream finds stop texts with tokens that are not shown and across them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text({ minLength: 1, maxLength: 4 }), fc.boolean()), { minLength: 1, maxLength: 12 }),
      fc.array(text({ minLength: 1, maxLength: 5 }), { maxLength: 3 }),
      fc.boolean(),
      (tokens, stop, noStopTrim) => {
        const pieces = tokens.map(([piece]) => piece), special = tokens.map(([, isSpecial]) => isSpecial);
        const shown = tokens.map(([piece, isSpecial]) => isSpecial ? "" : piece);
        const stream = streamOf(pieces, stop, noStopTrim, special);
        let streamed = "", matched: string | undefined;
        for (let token = 0; token < pieces.length && matched === undefined; token++) {
          const piece = token === pieces.length - 1 ? stream.flush() : stream.push(token);
          streamed += piece.text;
          matched = piece.matched;
        }
        const found = [pieces, shown].map((texts) => {
          const first = firstStop(texts, stop);
          if (first === undefined) return { texts, token: Infinity, numLeft: 0, matched: "" };
          return { texts, ...first };
        }).sort((a, b) => a.token - b.token || b.numLeft - a.numLeft || b.matched.length - a.matched.length);
        const { texts, matched: expected } = found[0]!;
        let at = 0;
        const cut = cutAtOnce(texts.join(""), expected === "" ? [] : stop, noStopTrim);
        const parts = texts.map((piece, token) => {
          const part = cut.text.slice(at, at += piece.length);
          return special[token] ? "" : part;
        });
        assert.deepEqual({ text: streamed, matched: matched ?? "" }, {
          text: parts.join(""),
          matched: expected,
        });
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("TextStream looks for stop texts in an end token whose text is not shown", () => {
  const stream = streamOf(["a", "<end>", ""], ["a<end>"], false);
  assert.deepEqual(stream.push(0), { text: "" });
  assert.deepEqual(stream.push(1, true), { text: "", matched: "a<end>" });
});

/** Streams tokens given by their bytes, a text for a special token; returns text and starts as they come. */
function starts(
  tokens: readonly (Uint8Array | string)[],
  options: { skipSpecialTokens?: boolean; numStripped?: number; stop?: readonly string[] } = {},
) {
  const { skipSpecialTokens = true, numStripped = 0, stop = [] } = options;
  const table = {
    bytesAt(token: number) {
      const bytes = tokens[token]!;
      return typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    },
    isSpecial: (token: number) => typeof tokens[token] === "string",
  };
  const source = (skips: boolean) =>
    new Detokenizer(table, { skipSpecialTokens: skips, strip: { character: " ", count: numStripped } });
  const stream = new TextStream({
    shown: source(skipSpecialTokens),
    whole: source(false),
    stop,
    stopRegex: [],
    noStopTrim: false,
    findsStarts: true,
  });
  const pieces = [], taken: number[] = [];
  for (const token of tokens.keys()) {
    const piece = stream.push(token);
    pieces.push(piece.text);
    const certain = stream.takeStarts();
    // The text emitted so far does not depend on what follows.
    for (const start of certain) assert.ok(start <= [...pieces.join("")].length);
    taken.push(...certain);
    if (piece.matched !== undefined) return { text: pieces.join(""), starts: taken };
  }
  pieces.push(stream.flush().text);
  return { text: pieces.join(""), starts: [...taken, ...stream.takeStarts()] };
}

const utf8 = (value: string) => new TextEncoder().encode(value);

Deno.test("a token starts at the character of its first byte, however a text is cut into tokens", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((value) => value.isWellFormed()),
      fc.array(fc.nat(40), { maxLength: 8 }),
      (whole, cuts) => {
        const bytes = utf8(whole);
        const bounds = [
          0,
          ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
          bytes.length,
        ];
        const tokens = bounds.slice(1).map((end, i) => bytes.slice(bounds[i], end));
        const result = starts(tokens);
        assert.equal(result.text, whole);
        const characterAt = [...whole].flatMap((character, i) => Array(utf8(character).length).fill(i));
        const expected = bounds.slice(0, -1).map((byte, i) =>
          tokens[i]!.length > 0 ? characterAt[byte] : result.starts[i]
        );
        assert.deepEqual(result.starts, expected);
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("starts count the text that is there", async (t) => {
  const smile = utf8("😀");
  const cases: [
    label: string,
    tokens: (Uint8Array | string)[],
    options: Parameters<typeof starts>[1],
    expected: { text: string; starts: number[] },
  ][] = [
    ["broken characters", [smile.slice(0, 2), utf8("a"), smile.slice(2), utf8("b")], {}, {
      text: "\ufffda\ufffd\ufffdb",
      starts: [0, 1, 2, 4],
    }],
    ["a beginning after a beginning", [Uint8Array.of(0xc3), Uint8Array.of(0xc3), Uint8Array.of(0xa9)], {}, {
      text: "\ufffdé",
      starts: [0, 1, 1],
    }],
    ["special tokens that are skipped", [utf8("ab"), "<s>", utf8("c")], {}, {
      text: "abc",
      starts: [0, 2, 2],
    }],
    ["special tokens that are shown", [utf8("ab"), "<s>", utf8("c")], { skipSpecialTokens: false }, {
      text: "ab<s>c",
      starts: [0, 2, 5],
    }],
    ["a leading space that is dropped", [utf8(" a"), utf8(" b")], { numStripped: 1 }, {
      text: "a b",
      starts: [0, 1],
    }],
    ["a stop text cut off", [utf8("aX"), utf8("Y"), utf8("Z")], { stop: ["XYZ"] }, {
      text: "a",
      starts: [0, 1, 1],
    }],
    ["withheld text that comes after all", [utf8("aX"), utf8("Y"), utf8("b")], { stop: ["XYZ"] }, {
      text: "aXYb",
      starts: [0, 2, 3],
    }],
  ];
  for (const [label, tokens, options, expected] of cases) {
    await t.step(label, () => assert.deepEqual(starts(tokens, options), expected));
  }
});

Deno.test("a text behind a prompt keeps its first space", () => {
  const table = {
    bytesAt: (token: number) => utf8(["<s>", " a"][token]!),
    isSpecial: (token: number) => token === 0,
  };
  const behind = (prompt: readonly number[], skipSpecialTokens: boolean) => {
    const detokenizer = new Detokenizer(table, { skipSpecialTokens, strip: { character: " ", count: 1 } });
    detokenizer.follow(prompt);
    return detokenizer.push(1);
  };
  assert.equal(behind([0, 1], true), " a");
  assert.equal(behind([0], false), " a");
  // Nothing of the prompt is text: this is where text begins.
  assert.equal(behind([0], true), "a");
});
