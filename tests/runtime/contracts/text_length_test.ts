import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { checkTextFits } from "../../../runtime/contracts/text_length.ts";
import { loadTokenizer, type Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const { vocab, merges, type } = TINY_TOKENIZER.json.model;

/** The tiny tokenizer without the token of some letters, which a text then loses, and with these changes. */
function tokenizerWithout(letters: string, changes: object = {}): Tokenizer {
  const known = Object.entries(vocab).filter(([text]) => !letters.includes(text));
  const model = { type, merges, vocab: Object.fromEntries(known) };
  const json = { ...TINY_TOKENIZER.json, model, ...changes };
  return loadTokenizer({ path: "tiny", json, eosTokenIds: [2], chatAddsBos: false });
}

function isRefused(text: string, { textBound }: Tokenizer, contextLength: number): boolean {
  try {
    checkTextFits("text", [text], textBound, contextLength);
    return false;
  } catch (error) {
    assert.ok(error instanceof InvalidRequestError);
    assert.deepEqual(error.details, { param: "text", problem: "context_length" });
    return true;
  }
}

Deno.test("a text is refused by its length only if its tokens would be too many", () => {
  for (const tokenizer of [tokenizerWithout(""), tokenizerWithout("xz")]) {
    const words = fc.array(fc.constantFrom("<|endoftext|>", " t", "et", "x", "z", "é", "😀", "<|im"), {
      maxLength: 300,
    });
    fc.assert(fc.property(words, fc.integer({ min: 1, max: 20 }), (parts, contextLength) => {
      const text = parts.join("");
      if (!isRefused(text, tokenizer, contextLength)) return;
      const tokens = tokenizer.encode(text, { parseSpecial: true });
      assert.ok(tokens.length >= contextLength, `${tokens.length} tokens are no more than ${contextLength}`);
    }));
  }
});

Deno.test("a long text is refused, one that the tokenizer loses is not", () => {
  const whole = tokenizerWithout(""), lossy = tokenizerWithout("x"), text = "x".repeat(10_000);
  assert.equal(whole.textBound.maxBytesPerToken, "<|endoftext|>".length);
  assert.equal(isRefused(text, whole, 100), true);
  assert.deepEqual(lossy.textBound.lostBytes, new Set([0x78]));
  assert.equal(lossy.encode(text).length, 0);
  assert.equal(isRefused(text, lossy, 100), false);
  assert.equal(isRefused(text + "y".repeat(10_000), lossy, 100), true);
});

Deno.test("where a text may shrink before it is tokenized its length says nothing", () => {
  const steps: object[] = [
    { normalizer: { type: "NFC" } },
    { normalizer: { type: "Sequence", normalizers: [{ type: "Lowercase" }] } },
    { "added_tokens": [{ id: 0, content: "<|endoftext|>", special: true, lstrip: true }] },
    {
      "pre_tokenizer": {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: "\\s+" }, behavior: "Removed", invert: false },
          TINY_TOKENIZER.json["pre_tokenizer"],
        ],
      },
    },
  ];
  for (const step of steps) assert.equal(tokenizerWithout("", step).textBound.maxBytesPerToken, Infinity);
});
