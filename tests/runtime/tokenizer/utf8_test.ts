/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { continuesCharacter, numCharacters, numUnfinished } from "../../../runtime/tokenizer/utf8.ts";

/** Bytes that are mostly of characters, whole and broken. */
const bytes = fc.array(
  fc.oneof(
    fc.string({ unit: "binary", maxLength: 3 }).map((text) => [...new TextEncoder().encode(text)]),
    fc.array(fc.integer({ min: 0x7e, max: 255 }), { maxLength: 3 }),
  ),
  { maxLength: 6 },
).map((parts) => Uint8Array.from(parts.flat()));

function decode(whole: Uint8Array, stream: boolean): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole, { stream });
}

Deno.test("unfinished bytes are those that a decoder holds back", () => {
  fc.assert(
    fc.property(bytes, (whole) => {
      const finished = whole.subarray(0, whole.length - numUnfinished(whole));
      const unfinished = whole.subarray(finished.length);
      assert.equal(decode(finished, false), decode(whole, true));
      assert.equal(decode(whole, false), decode(finished, false) + (unfinished.length > 0 ? "\ufffd" : ""));
      for (const byte of unfinished.length > 0 ? [0x41, 0x80, 0x9f, 0xa0, 0xbf, 0xc3] : []) {
        // What is broken off leaves a U+FFFD before what comes.
        const both = decode(Uint8Array.of(...unfinished, byte), false);
        const isBroken = both === `\ufffd${decode(Uint8Array.of(byte), false)}`;
        assert.equal(continuesCharacter(unfinished, byte), !isBroken);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("characters are code points", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(numCharacters(text.toWellFormed()), [...text.toWellFormed()].length);
    }),
  );
});
