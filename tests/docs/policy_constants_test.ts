/**
 * The table of the draft policy's constants in docs/speculation.md says what the code says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");
const POLICY = join(root, "runtime", "speculation_policy");

Deno.test("every number of the draft policy is in the table of constants, with its value and file", () => {
  const defined: string[] = [];
  for (const { name: file } of Deno.readDirSync(POLICY)) {
    const source = Deno.readTextFileSync(join(POLICY, file));
    for (const [, name, value] of source.matchAll(/^const ([A-Z_]+) = ([\d./ ]+);$/gm)) {
      defined.push(`${name} ${value} ${file}`);
    }
  }
  const text = Deno.readTextFileSync(join(root, "docs", "speculation.md"));
  const section = text.slice(text.indexOf("## Constants of the adaptive policy"));
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` +\|(.*)\|$/gm)].map(([, name, cells]) => {
    const [value, unit, file, why, neededBy] = cells!.split("|").map((cell) => cell.trim());
    for (const cell of [unit, why, neededBy]) assert.ok(cell, `an empty cell at ${name}`);
    return `${name} ${value} ${file!.replaceAll("`", "")}`;
  });
  assert.deepEqual(rows.sort(), defined.sort());
  assert.ok(rows.length > 20);
});
