import assert from "node:assert/strict";
import fc from "fast-check";
import { TextStream } from "../../runtime/text_stream.ts";

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

/** Splits a text into tokens; the last piece comes only with `flush`. */
function streamOf(pieces: readonly string[], stop: readonly string[], noStopTrim: boolean): TextStream {
  const detokenizer = { push: (token: number) => pieces[token]!, flush: () => pieces.at(-1)! };
  return new TextStream(detokenizer, { stop, noStopTrim });
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

Deno.test("TextStream never matches half a character", () => {
  const stream = streamOf(["😀", "!"], ["\ude00!"], false);
  assert.deepEqual(stream.push(0), { text: "😀" });
  assert.deepEqual(stream.flush(), { text: "!" });
});
