/** Random regular expressions: grammar and RegExp agree on what their grammars allow and on random texts. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { regexSource } from "../../../runtime/grammars/regex.ts";
import { compile, randomOf } from "../../support/grammar_walks.ts";

const atom = fc.constantFrom(
  "a",
  "b",
  "é",
  "中",
  "😀",
  ".",
  "\\d",
  "\\w",
  "\\s",
  "\\S",
  "\\W",
  "\\.",
  "\\n",
  "\\u{1F600}",
  "\\x41",
  "[ab]",
  "[^a]",
  "[^aé]",
  "[à-ÿ]",
  "[一-龥]",
  "[\\d\\-x]",
  "[^\\s\\d]",
  "\\p{L}",
  ".{0,70}",
  "[ab]{3,80}",
  "\\P{Lu}",
);
const quantifier = fc.constantFrom("", "", "", "*", "+", "?", "*?", "{2}", "{1,3}", "{2,}", "{0,20}");

const { pattern } = fc.letrec<{ pattern: string; part: string; alternative: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3 },
    fc.tuple(atom, quantifier).map(([each, times]) => each + times),
    fc.tuple(tie("pattern"), fc.constantFrom("(", "(?:", "(?<n>"), quantifier)
      .filter(([inner, open]) => open !== "(?<n>" || !inner.includes("?<n>"))
      .map(([inner, open, times]) => `${open}${inner})${times}`),
  ),
  alternative: fc.array(tie("part"), { maxLength: 3 }).map((parts) => parts.join("")),
  pattern: fc.array(tie("alternative"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("|")),
}));

const words = fc.array(fc.constantFrom(..."abxA1é中😀 .\n\u2028-", ""), { maxLength: 6 }).map((chars) =>
  chars.join("")
);

Deno.test("200 random expressions and RegExp allow the same texts", async () => {
  let numAnswers = 0;
  await fc.assert(
    fc.asyncProperty(
      pattern,
      fc.array(words, { minLength: 10, maxLength: 10 }),
      fc.integer(),
      async (pattern, texts, seed) => {
        let regex: RegExp;
        try {
          regex = new RegExp(`^(?:${pattern})$`, "u");
        } catch {
          return; // Two groups of one name.
        }
        using grammar = await compile(regexSource(pattern, "regex"));
        const random = randomOf(seed);
        for (let i = 0; i < 3; i++) {
          const answer = await grammar.walk(random, 90);
          if (answer === undefined) continue;
          numAnswers++;
          assert(regex.test(answer), `${pattern} allows ${JSON.stringify(answer)}`);
        }
        for (const text of texts) {
          assert.equal(
            await grammar.allows(text),
            regex.test(text),
            `${pattern} and ${JSON.stringify(text)}`,
          );
        }
      },
    ),
    { numRuns: 200, seed: 7 },
  );
  assert(numAnswers > 300, `${numAnswers} answers`);
});
