/**
 * The mutants fit the sources: each can still be made, and its check is one that runs anyway. `deno task test:mutants`
 * tries them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { edited, mutated } from "./mutant.ts";
import { mutants } from "./mutants.ts";

const root = join(import.meta.dirname!, "..", "..");

Deno.test("mutants: there is one for each of twenty-one faults", () => {
  const ids = mutants.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const faults = new Set(ids.map((id) => Number.parseInt(id)));
  assert.deepEqual([...faults].sort((a, b) => a - b), Array.from({ length: 21 }, (_, i) => i + 1));
});

for (const mutant of mutants) {
  Deno.test(`mutants: ${mutant.id} changes the sources, and its check is there`, () => {
    for (const [path, text] of mutated(root, mutant)) {
      assert.notEqual(text, Deno.readTextFileSync(join(root, path)), path);
    }
    const { check } = mutant, tests = Deno.readTextFileSync(join(root, check.test));
    const name = "case" in check ? check.case : check.name.replace(/ \[cuda-sim\]$/, "");
    assert.ok(tests.includes(`"${name}`), `${check.test} has "${name}"`);
  });
}

Deno.test("mutants: a text that is not there, or twice, is an error", () => {
  const edit = { file: "a.cu", find: "x + y", replace: "x - $&" };
  assert.equal(edited("z = x + y;", edit), "z = x - $&;");
  assert.throws(() => edited("z = y + x;", edit), /a\.cu has 0 times, expected once/);
  assert.throws(() => edited("x + y, x + y", edit), /a\.cu has 2 times/);
});
