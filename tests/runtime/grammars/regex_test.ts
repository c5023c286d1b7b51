import { strict as assert } from "node:assert";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { regexSource } from "../../../runtime/grammars/regex.ts";
import { compile } from "../../support/grammar_walks.ts";

/** Patterns with texts that match as a whole and texts that do not. */
const PATTERNS: readonly { pattern: string; allows: readonly string[]; forbids: readonly string[] }[] = [
  { pattern: "^[a-z]+@\\w+\\.com$", allows: ["ab@c_1.com"], forbids: ["@c.com", "a@c.com\n"] },
  { pattern: "a.c", allows: ["aéc", "a😀c"], forbids: ["a\nc", "a\u2028c", "ac"] },
  { pattern: "^a|b$", allows: ["a", "b"], forbids: ["ab"] },
  { pattern: "(\\d{3}-){2,}?x*?", allows: ["123-456-", "123-456-789-xx"], forbids: ["123-"] },
  { pattern: "[\\w-.]+\\-", allows: ["a-.-"], forbids: ["a"] },
  {
    pattern: "^(?=.*\\d)(?=.*[a-z])(?!.*x).{3,5}$",
    allows: ["ab1", "1!a2b"],
    forbids: ["abc", "ax1", "a1", "abcd12"],
  },
  { pattern: "\\p{Script=Greek}+", allows: ["ΩΩ"], forbids: ["a", ""] },
  { pattern: "(a+)+b", allows: ["aaab"], forbids: ["aaa"] },
  { pattern: "", allows: [""], forbids: ["a"] },
];

for (const { pattern, allows, forbids } of PATTERNS) {
  Deno.test(`matches as a whole: ${pattern}`, async () => {
    using compiled = await compile(regexSource(pattern, "regex"));
    for (const text of allows) assert(await compiled.allows(text), text);
    for (const text of forbids) assert(!await compiled.allows(text), text);
  });
}

Deno.test("an expression without a grammar is refused with the offset of its fault", () => {
  const refused: readonly [string, RegExp][] = [
    ["a(b", /unterminated group at offset 3/],
    ["a(?P<n>b)", /invalid group at offset 2/],
    ["[z-a]", /range out of order in character class at offset/],
    ["a{2,1}", /numbers out of order in \{\} quantifier at offset/],
    ["a(?=b)c", /lookahead cannot be enforced at offset 1/],
    ["a(?<=b)c", /lookbehind cannot be enforced at offset 1/],
    ["(a)\\1", /backreferences cannot be enforced at offset 3/],
    ["a\\bb", /\\b cannot be enforced at offset 1/],
    ["a^b", /\^ behind the start cannot be enforced at offset 1/],
    ["a$b", /\$ before the end cannot be enforced at offset 1/],
    ["(^a)*", /\^ behind the start cannot be enforced at offset 1/],
    ["(?i:a)", /modifiers cannot be enforced at offset 0/],
    ["a{10001}", /a quantifier is larger than 10000 at offset 0/],
    ["(".repeat(200) + ")".repeat(200), /groups are nested more than 100 deep at offset 100/],
    ["a".repeat(10_001), /it has more than 10000 characters at offset 10000/],
    ["(?=.*a.{30})(?=.*b.{30}).*", /its lookaheads take too many states/],
    ["[]", /it matches no text/],
    ["a[^\\s\\S]", /it matches no text/],
    ["(?=b)a", /it matches no text/],
    ["\\p{L}\\p{N}\\p{P}\\p{Lu}", /more than 3 properties cannot be enforced/],
    ["[^é]{10000}".repeat(50), /its grammar has more than 1000000 characters/],
  ];
  for (const [pattern, reason] of refused) {
    assert.throws(() => regexSource(pattern, "regex"), (error: unknown) => {
      assert(error instanceof InvalidRequestError, (error as Error).stack);
      assert.match(error.message, reason);
      assert.equal(error.details["param"], "regex");
      return true;
    }, pattern.slice(0, 80));
  }
});
