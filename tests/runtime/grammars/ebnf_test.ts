import { strict as assert } from "node:assert";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { ebnfSource } from "../../../runtime/grammars/ebnf.ts";
import { compile } from "../../support/grammar_walks.ts";

/** Grammars with texts that they allow and texts that they do not. */
const GRAMMARS: readonly { grammar: string; allows: readonly string[]; forbids: readonly string[] }[] = [
  {
    grammar: `# Arithmetic.
      root ::= term ("+" term)*   # one line
      term ::= [0-9]+ | "(" root ")"`,
    allows: ["1", "12+(3+4)"],
    forbids: ["", "1+", "(1"],
  },
  // As llama.cpp writes them: names with dashes, a rule over several lines, a class without a part of Unicode.
  {
    grammar: 'root ::= answer-line{2,3}\nanswer-line ::= "- " (\n  [^\\n\\x41é]+ |\n  "A"\n) "\\n"',
    allows: ["- b中\n- A\n", "- A\n- A\n- A\n"],
    forbids: ["- A\n", "- é\n- A\n", "- bA\n- A\n"],
  },
  {
    grammar: 'root ::= [à-ÿ一-龥]* "\\"" "\\u4e2d" .?',
    allows: ['é中"中', '"中x'],
    forbids: ['ß€"中', '"', '"中\n'],
  },
  {
    grammar: 'root ::= ("ab"{0,70}){3} "x"?',
    allows: ["", "ab".repeat(210), "x"],
    forbids: ["a", "ab".repeat(211)],
  },
  { grammar: 'root ::= "" | a\na ::= "x" root', allows: ["", "xxx"], forbids: ["y"] },
  { grammar: 'root ::= ("a"* "b"*)* "c"', allows: ["abbac", "c"], forbids: ["ab"] },
];

for (const { grammar, allows, forbids } of GRAMMARS) {
  Deno.test(`allows what the grammar says: ${JSON.stringify(grammar)}`, async () => {
    using compiled = await compile(ebnfSource(grammar, "ebnf"));
    for (const text of allows) assert(await compiled.allows(text), text);
    for (const text of forbids) assert(!await compiled.allows(text), text);
  });
}

Deno.test("a broken grammar is refused with the line of its fault", () => {
  const refused: readonly [string, RegExp][] = [
    ['a ::= "x"', /rule root is not defined in line 1/],
    ["root ::= a\n", /rule a is not defined in line 1/],
    ['root ::= "a"\nroot ::= "b"', /rule root is defined twice in line 2/],
    ['root ::= "a\nb ::= "c"', /a string is not closed in line 1/],
    ["root ::= a\n\na ::= [a-", /a class is not closed in line 3/],
    ["root ::= [z-a]", /a range of a class is out of order in line 1/],
    ['root ::= ("a" | "b"\n', /a group is not closed in line 1/],
    ['root ::= "a")', /what follows is no rule in line 1/],
    ['root ::= "\\q"', /escape \\q is not known in line 1/],
    ["root ::= [\\d]", /\\d is not known in a class in line 1/],
    ['root ::= "a"{3,2}', /bounds of a repetition are out of order in line 1/],
    ['root ::= "a"{,2}', /bounds of a repetition are broken in line 1/],
    ['root ::= "a"{999999}', /a repetition is larger than 10000 in line 1/],
    ['root ::= "a" (="b")', /lookahead cannot be enforced in line 1/],
    ['root ::= TagDispatch(("a", b))\nb ::= "c"', /TagDispatch belongs into a structural tag in line 1/],
    ['root ::= a\na ::= b? a "x" | "y"\nb ::= "z"', /rule a is left-recursive in line 2/],
    [`root ::= ${"(".repeat(500)}"a"`, /groups are nested more than 100 deep in line 1/],
    ['root ::= "a" root', /rule root allows no text/],
    [`root ::= ${'"a" '.repeat(300_000)}`, /ebnf is too large/],
    ["", /rule root is not defined in line 1/],
  ];
  for (const [grammar, reason] of refused) {
    assert.throws(() => ebnfSource(grammar, "ebnf"), (error: unknown) => {
      assert(error instanceof InvalidRequestError, (error as Error).stack);
      assert.match(error.message, reason);
      assert.equal(error.details["param"], "ebnf");
      return true;
    }, grammar.slice(0, 80));
  }
});
