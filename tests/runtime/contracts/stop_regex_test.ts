import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { compileStopRegexes, estimatedSize } from "../../../runtime/contracts/stop_regex.ts";

/** Why expressions are refused. */
function reasonOf(...patterns: string[]): string {
  try {
    compileStopRegexes(patterns);
  } catch (error) {
    assert.ok(error instanceof InvalidRequestError && error.details.param === "stop_regex", `${error}`);
    return error.message;
  }
  return "none";
}

Deno.test("what RE2 lacks and what is wrong is refused with its reason", () => {
  assert.match(reasonOf("a(?=b)"), /^Cannot accept stop_regex: invalid .*`\(\?=b?`/);
  assert.match(reasonOf("(?<!a)b"), /\(\?<!/);
  assert.match(reasonOf("(a)\\1"), /invalid escape sequence: `\\1`/);
  assert.match(reasonOf("a("), /missing closing \)/);
  assert.match(reasonOf("a{1001}"), /invalid repeat count|instructions/);
  assert.equal(reasonOf("[A-Z]\\w+:\\s*\\d{1,3}%?", "(?i)the end", "\\p{Greek}{3}", "^#"), "none");
});

Deno.test("what matches the empty text is refused: no answer would come", () => {
  for (const pattern of ["", "a*", "^", "$", "\\b", "(a|)", "(?m)^$", "(a?b?){3}"]) {
    assert.match(reasonOf(pattern), /matches the empty text/, pattern);
  }
});

Deno.test("size is refused before it is compiled", () => {
  assert.match(reasonOf("a".repeat(257)), /257 characters, at most 256/);
  assert.match(reasonOf(...Array.from({ length: 33 }, () => "a")), /33 expressions, at most 32/);
  const large = [
    ".{1,1000}".repeat(20),
    "((a{1,10}){1,10}){1,10}b",
    "(" + "\\pL|".repeat(60) + "a){500}",
    "(\\Q" + "a".repeat(200) + "\\E){1000}",
    "(?i)" + "\\PL".repeat(80),
    "(?i)[a-\\x{10FFFF}][!-\uffff]",
    "(((((a?)?)?)?){200}b){5}",
    "[[:alpha:]]]{900}(ab){60}",
  ];
  for (const pattern of large) assert.match(reasonOf(pattern), /about \d+ instructions/, pattern);
  const half = "a{200}";
  assert.equal(reasonOf(half), "none");
  assert.match(reasonOf(half, half), /about 400 instructions/);
});

Deno.test("the estimate is no less than a quarter of what an expression compiles to", () => {
  const atom = fc.constantFrom(
    "a",
    ".",
    "\\d",
    "\\pL",
    "[^ab\\]c]",
    "[]a]",
    "\\Q({\\E",
    "\\x{263a}",
    "\\b",
    "$",
    "é",
  );
  const pattern = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, atom, tie("repeated"), tie("group"), tie("both"), tie("either")),
    repeated: fc.tuple(tie("group"), fc.constantFrom("*", "+?", "?", "{3}", "{2,}", "{0,4}?", "{7,9}"))
      .map((parts) => parts.join("")),
    group: fc.tuple(fc.constantFrom("(", "(?:", "(?i:", "(?P<n>"), tie("any")).map(([open, inner]) =>
      `${open}${inner})`
    ),
    both: fc.tuple(tie("any"), tie("any")).map((parts) => parts.join("")),
    either: fc.tuple(tie("any"), tie("any")).map((parts) => parts.join("|")),
  })).any as fc.Arbitrary<string>;
  let numCompiled = 0;
  fc.assert(
    fc.property(pattern, (pattern) => {
      let size;
      try {
        size = RE2JS.compile(pattern).programSize();
      } catch {
        return; // A name twice, say.
      }
      numCompiled++;
      assert.ok(size <= 4 * estimatedSize(pattern) + 8, `${pattern}: ${size} of ${estimatedSize(pattern)}`);
    }),
    { numRuns: 1000 },
  );
  assert.ok(numCompiled > 500, `${numCompiled} compiled`);
});
