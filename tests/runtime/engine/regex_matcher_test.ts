import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { maxHeldLength, RegexMatcher } from "../../../runtime/engine/regex_matcher.ts";
import { compileStopRegexes } from "../../../runtime/contracts/stop_regex.ts";

/** Where the first match of a text pushed character by character begins and ends, and what was held on the way. */
function find(pattern: string, text: string) {
  const matcher = new RegexMatcher(compileStopRegexes([pattern])[0]!);
  const held: number[] = [];
  let position = 0;
  for (const character of text) {
    const match = matcher.push(character);
    const end = match?.isBefore ? position : position + character.length;
    if (match) return { start: end - match.length, end, held };
    position = end;
    held.push(matcher.matchedLength);
  }
  const match = matcher.flush();
  return match && { start: position - match.length, end: position, held };
}

function matchOf(pattern: string, text: string): string | undefined {
  const found = find(pattern, text);
  return found && text.slice(found.start, found.end);
}

/** The definition: the shortest beginning of the text that re2js finds a match at the end of, the longest such match. */
function firstByDefinition(pattern: string, text: string): string | undefined {
  const characters = [...text];
  // `\b` looks at the next character, which `$` must not see.
  const looksOn = /\\b|\\B/i.test(pattern);
  for (let end = 1; end <= characters.length; end++) {
    const part = characters.slice(0, end).join("");
    const input = looksOn ? text : part;
    for (let start = 0; start < end; start++) {
      const at = characters.slice(0, start).join("").length;
      // Anchored by position: what stands before counts for `^` and `\b`.
      const anchored = RE2JS.compile(`^(?s:.{${start}})(?:${pattern})(?s:.{${characters.length - end}})$`);
      const whole = RE2JS.compile(`^(?s:.{${start}})(?:${pattern})$`);
      if ((looksOn ? anchored : whole).test(input)) return part.slice(at);
    }
  }
}

Deno.test("the match that is complete first is found, the longest of those that end there", () => {
  assert.equal(matchOf("\\d+", "in 1984"), "1", "the first digit completes it");
  assert.equal(matchOf("\\s*Answer:", "so\n  Answer: 7"), "\n  Answer:");
  assert.equal(matchOf("ab|bcd|b", "abcd"), "ab");
  assert.equal(matchOf("^#", "a #"), undefined);
  assert.equal(matchOf("(?m)^#", "a\n# b"), "#");
  assert.equal(matchOf("(?i)stop", "Please STOP here"), "STOP");
  assert.equal(matchOf("😀+!", "a 😀😀!"), "😀😀!");
  assert.equal(matchOf(".", "\né"), "é");
});

Deno.test("conditions of what comes next wait for it, and the end decides them", () => {
  assert.equal(matchOf("\\bno\\b", "nothing, no."), "no");
  assert.equal(find("\\bno\\b", "nothing, no.")?.end, 11);
  assert.equal(matchOf("\\bno\\b", "say no"), "no");
  assert.equal(matchOf("\\bno\\b", "say nope"), undefined);
  assert.equal(matchOf("no\\B", "say no, nope"), "no");
  assert.equal(find("no\\B", "say no, nope")?.end, 10);
  assert.equal(matchOf("(?m)end$", "ending\nend\n"), "end");
  assert.equal(find("(?m)end$", "ending\nend\n")?.end, 10);
  assert.equal(matchOf("end$", "ending"), "end", "the text so far ends there");
});

Deno.test("what is found is what re2js finds in the text so far", () => {
  const atom = fc.constantFrom("a", "b", "😀", ".", "[^a]", "\\w", "ab");
  const patterns = (conditions: string[]) =>
    fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        atom,
        ...(conditions.length > 0 ? [fc.constantFrom(...conditions)] : []),
        fc.tuple(tie("any"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}")).map(([inner, times]) =>
          `(?:${inner})${times}`
        ),
        fc.tuple(tie("any"), tie("any")).map(([a, b]) => `(?:${a}${b})`),
        fc.tuple(tie("any"), tie("any")).map(([a, b]) => `(?:${a}|${b})`),
      ),
    })).any as fc.Arbitrary<string>;
  const texts = fc.array(fc.constantFrom("a", "b", " ", "\n", "😀"), { maxLength: 7 }).map((parts) =>
    parts.join("")
  );
  let numFound = 0;
  for (const conditions of [[], ["^", "(?m:^)", "\\A"], ["\\b", "\\B"]]) {
    fc.assert(
      fc.property(patterns(conditions), texts, (pattern, text) => {
        try {
          compileStopRegexes([pattern]);
        } catch {
          return; // It matches the empty text.
        }
        const expected = firstByDefinition(pattern, text);
        assert.equal(matchOf(pattern, text), expected, `${pattern} in ${JSON.stringify(text)}`);
        if (expected !== undefined) numFound++;
      }),
      { numRuns: 300 },
    );
  }
  assert.ok(numFound > 100, `${numFound} found`);
});

Deno.test("what is held back is what a match may still begin with, and bounded", () => {
  assert.deepEqual(find("abc", "xababc")?.held, [0, 1, 2, 1, 2]);
  assert.deepEqual(find("\\d\\.", "1 12.")?.held, [1, 0, 1, 1]);
  const text = "<" + "x".repeat(5000) + ">";
  const found = find("<.*>", text)!;
  assert.equal(Math.max(...found.held), maxHeldLength);
  assert.deepEqual([found.end, text.length - found.start <= maxHeldLength], [text.length, true]);
});

Deno.test("a text of thousands of characters may keep many ways open", () => {
  const program = compileStopRegexes(["(?:a|aa|a.){20}b"])[0]!;
  const matcher = new RegexMatcher(program);
  for (let i = 0; i < 5000; i++) assert.equal(matcher.push("a"), undefined);
  assert.ok(matcher.matchedLength <= maxHeldLength);
  assert.ok(matcher.push("b"));
});
