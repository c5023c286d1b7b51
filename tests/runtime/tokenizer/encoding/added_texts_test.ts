import assert from "node:assert/strict";
import { LoadError } from "../../../../runtime/contracts/errors.ts";
import { addedTexts } from "../../../../runtime/tokenizer/encoding/added_texts.ts";

const refuse = (reason: string) => new LoadError(`t: ${reason}`);
const replace = (source: string) => ({ type: "Replace", pattern: { Regex: source }, content: "-" });
const token = (normalized: boolean) => ({ id: 0, content: `${"a".repeat(40)}  b`, normalized });

Deno.test("added texts: a normalized one is changed by expressions, unless these may never end", () => {
  const blanks = replace(" {2,}");
  assert.equal(addedTexts([token(true)], blanks, refuse).get(0), `${"a".repeat(40)}-b`);
  assert.equal(addedTexts([token(true)], replace("[+*{]|\\*|\\+| +"), refuse).get(0), `${"a".repeat(40)}-b`);
  for (const slow of ["(a+)+$", "(?:a|aa){2,}c", "a*a*a*a*a*c", "a".repeat(2000)]) {
    const nested = { type: "Sequence", normalizers: [blanks, replace(slow)] };
    assert.throws(() => addedTexts([token(true)], nested, refuse), {
      name: "LoadError",
      message: /^t: normalizer Replace has .*, which may take too long for added tokens/,
    });
    assert.equal(addedTexts([token(false)], nested, refuse).get(0), token(false).content);
  }
});
