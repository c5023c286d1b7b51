/**
 * The table of parts in docs/architecture.md and the lint table name the same folders, and imports point down the former.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { isUnbound, MAY_IMPORT } from "./layers.ts";
import { readFile } from "./sources.ts";

/** Parts whose imports are bound by other rules: native code by `house_test.ts`, Python by none. */
const OTHER_LANGUAGES = ["kernels/", "tools/gpu_check/", "train/"];

/** The rows of the table, each with the folders and root files that it names. */
function documentedParts(): string[][] {
  const [, table] = /^\| folder[^]*?\n\| -+ [^]*?\n([^]*?)\n\n/m.exec(readFile("docs/architecture.md"))!;
  return table!.split("\n").map((row) =>
    [...row.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, part]) => part!)
  );
}

Deno.test("the parts of docs/architecture.md are those of the lint table", () => {
  const documented = documentedParts().flat()
    .filter((part) => !isUnbound(part) && !OTHER_LANGUAGES.includes(part));
  assert.deepEqual(documented.toSorted(), Object.keys(MAY_IMPORT).toSorted());
});

Deno.test("what a folder may import stands below it in docs/architecture.md, or in its row", () => {
  const rows = documentedParts();
  const rank = (part: string) => rows.findIndex((row) => row.includes(part));
  const upward = Object.entries(MAY_IMPORT).flatMap(([part, allowed]) =>
    allowed.filter((target) => target !== "deno.json" && rank(target) < rank(part))
      .map((target) => `${part} -> ${target}`)
  );
  assert.deepEqual(upward, []);
});
