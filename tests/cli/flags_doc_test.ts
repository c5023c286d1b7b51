/**
 * docs/flags.md and docs/sglang_flags.md say of every flag what the parser does.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { flagGroups, flagSchema } from "../../cli/flags.ts";
import { NEUTRAL_FLAGS_PAGE, neutralFlagsPage } from "../support/neutral_flags_page.ts";

Deno.test("docs/flags.md has a row for every flag, with its default", () => {
  const page = Deno.readTextFileSync(join(import.meta.dirname!, "..", "..", "docs", "flags.md"));
  const rows = page.split("\n").filter((line) => line.startsWith("| `--")).map((line) =>
    line.replace(/\s+/g, " ")
  );
  const defaults: Record<string, unknown> = flagSchema.parse({});
  const expected = Object.values(flagGroups).flat().filter(({ isHidden }) => !isHidden).map(
    ({ name, flags, help }) => {
      const value = flags.startsWith("--no-") ? undefined : defaults[name];
      return `| \`${flags}\` | ${value === undefined || value === false ? "" : `${value} `}| ${help} |`;
    },
  );
  assert.deepEqual(rows, expected);
});

Deno.test("docs/sglang_flags.md has every flag without effect, with its neutral values and the reason", () => {
  const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
  assert.deepEqual(
    words(Deno.readTextFileSync(NEUTRAL_FLAGS_PAGE)),
    words(neutralFlagsPage()),
    "deno run -A tests/support/neutral_flags_page.ts && deno fmt docs/ writes it anew",
  );
});
