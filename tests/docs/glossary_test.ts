/**
 * The glossary: every term once, in one sentence, with a file that exists.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");
const page = Deno.readTextFileSync(join(root, "docs", "glossary.md"));

/** Rows of all tables: term, meaning, file. */
const rows = page.split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (term|-+) /.test(line))
  .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));

Deno.test("glossary: every term stands there once and is explained in one sentence", () => {
  assert.ok(rows.length > 40, `${rows.length} terms`);
  for (const row of rows) assert.equal(row.length, 3, row.join());
  const terms = rows.flatMap(([term]) => term!.split(", "));
  assert.deepEqual(terms.filter((term, at) => terms.indexOf(term) !== at), []);
  for (const [term, meaning] of rows) assert.match(meaning!, /^[A-Z][^.]*[^. ]\.$/, term);
});

Deno.test("glossary: every file exists", () => {
  for (const [term, , file] of rows) {
    const path = /^`([\w./-]+)`$/.exec(file!)?.[1];
    assert.ok(path !== undefined && existsSync(join(root, path)), `${term}: ${file} does not exist`);
  }
});
