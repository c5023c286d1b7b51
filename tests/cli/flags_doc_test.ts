/**
 * docs/flags.md says of every flag what the parser does.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { flagGroups, flagSchema } from "../../cli/flags.ts";

Deno.test("docs/flags.md has a row for every flag, with its default", () => {
  const page = Deno.readTextFileSync(join(import.meta.dirname!, "..", "..", "docs", "flags.md"));
  const rows = page.split("\n").filter((line) => line.startsWith("| `--")).map((line) =>
    line.replace(/\s+/g, " ")
  );
  const defaults: Record<string, unknown> = flagSchema.parse({});
  const expected = Object.values(flagGroups).flat().filter(({ isHidden }) => !isHidden).map(
    ({ name, flags, help }) => {
      const value = defaults[name];
      return `| \`${flags}\` | ${value === undefined || value === false ? "" : `${value} `}| ${help} |`;
    },
  );
  assert.deepEqual(rows, expected);
});
