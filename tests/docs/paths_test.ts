/**
 * Files that pages and comments name are there, and types are where a page says.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { listFiles, readFile } from "../lint/sources.ts";

/** Files of other projects. */
const FOREIGN = ["llama.cpp", "llama-vocab.cpp", "docs/gguf.md"];

/** A path with or without the folders above it; not one with a placeholder, such as `cpu/<op>.cpp`. */
const PATH = /(?<![\w/.:<>{}*-])(?:[\w-]+\/)*[\w-]+\.(?:cpp|h|md|py|ts)\b/g;

const files = [".", "tests/clients/npm"].flatMap(listFiles);
const known = new Set(files.flatMap((path) => {
  const parts = path.split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}));

/** What a page says in backticks and links, or a source file in comments. */
function wordsOf(path: string): string[] {
  const text = readFile(path);
  if (path.endsWith(".md")) return text.match(/`[^`\n]+`|\]\([^)#\n]+/g) ?? [];
  return text.match(/\/\*\*[^]*?\*\/|^\s*(?:\/\/|#(?!include)).*/gm) ?? [];
}

/** Files that are named and are not there. */
function missingIn(words: readonly string[]): string[] {
  return words.flatMap((word) => word.match(PATH) ?? [])
    .filter((name) => !known.has(name) && !FOREIGN.some((foreign) => name.endsWith(foreign)));
}

Deno.test("every file that a page or a comment names is there", () => {
  const naming = files.filter((path) => /\.(cpp|h|md|py|ts)$/.test(path));
  assert.ok(naming.length > 400, `${naming.length} files`);
  assert.deepEqual(naming.flatMap((path) => missingIn(wordsOf(path)).map((name) => `${path}: ${name}`)), []);
});

Deno.test("a file that is not there is found, however it is named", () => {
  for (const name of ["gone.ts", "runtime/gone.ts", "engine/gone.ts", "kernels/core/gone.h", "gone.md"]) {
    assert.deepEqual(missingIn([`as in ${name}, which`]), [name]);
  }
  assert.deepEqual(
    missingIn(["`engine/engine.ts`", "src/llama-vocab.cpp", "`<name>.ts`, `cpu/<op>.cpp`"]),
    [],
  );
});

Deno.test("types are in the files that the table of docs/speculation.md names", () => {
  const rows = [
    ...readFile("docs/speculation.md").matchAll(/^\| (`[A-Z].*?`) +\|.*\| `([\w/]+\.ts)` +\|$/gm),
  ];
  assert.ok(rows.length > 15, `${rows.length} rows`);
  const missing = rows.flatMap(([, types, file]) =>
    types!.match(/\w+/g)!.filter((name) =>
      !new RegExp(`\\b(class|interface|type) ${name}\\b`).test(readFile(`runtime/${file}`))
    ).map((name) => `${name} in ${file}`)
  );
  assert.deepEqual(missing, []);
});
