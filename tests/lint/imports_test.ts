/**
 * The import graph of the house: no circles, and a row of the lint table for every file.
 *
 * Two graphs are checked. In the first a node is a file. In the second it is a folder, by which only the files directly
 * in it are meant: a subfolder is a node of its own, so that a parent and its subfolder import each other in one
 * direction at most. Imports of types count as any other. Files at the root have no folder to share: each is a node.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import { isUnbound, MAY_IMPORT, rowOf } from "./layers.ts";
import { listFiles, readFile } from "./sources.ts";

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const sources = listFiles(".").filter((path) => path.endsWith(".ts") && !path.startsWith("tests/"));

/** Files that a source imports or re-exports, relative to the house. */
function importsOf(path: string, text: string): string[] {
  const specifiers = text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...specifiers].map(([, specifier]) => join(dirname(path), specifier!));
}

/** The graph of what holds the files of a graph. */
function merged(files: Graph, nodeOf: (path: string) => string): Graph {
  const nodes = new Map<string, Set<string>>();
  for (const [path, imported] of files) {
    const node = nodeOf(path), targets = nodes.get(node) ?? new Set();
    nodes.set(node, targets);
    for (const target of imported) if (nodeOf(target) !== node) targets.add(nodeOf(target));
  }
  return nodes;
}

/** One circle per node from which one is reached first, as `a -> b -> a`. */
function circles(graph: Graph): string[] {
  const found: string[] = [], done = new Set<string>(), path: string[] = [];
  const visit = (node: string) => {
    const at = path.indexOf(node);
    if (at >= 0) return void found.push([...path.slice(at), node].join(" -> "));
    if (done.has(node)) return;
    path.push(node);
    for (const target of graph.get(node) ?? []) visit(target);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return found;
}

const files: Graph = new Map(sources.map((path) => [path, new Set(importsOf(path, readFile(path)))]));

Deno.test("imports: every relative import names a file", () => {
  const missing = [...files].flatMap(([path, imported]) =>
    [...imported].filter((target) => !files.has(target) && !/\.json$|^tests\//.test(target))
      .map((target) => `${path} -> ${target}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("imports: no circle between files", () => {
  assert.deepEqual(circles(files), []);
});

Deno.test("imports: no circle between folders", () => {
  assert.deepEqual(circles(merged(files, rowOf)), []);
});

Deno.test("imports: a circle is found, through a subfolder too", () => {
  const graph: Graph = new Map([
    ["a/one.ts", new Set(["a/b/two.ts"])],
    ["a/b/two.ts", new Set(["c/three.ts"])],
    ["c/three.ts", new Set(["a/four.ts"])],
    ["a/four.ts", new Set<string>()],
  ]);
  assert.deepEqual(circles(graph), []);
  assert.deepEqual(circles(merged(graph, rowOf)), ["a/ -> a/b/ -> c/ -> a/"]);
  assert.deepEqual(importsOf("a/one.ts", `import type { x } from "./two.ts";\nawait import("../c.ts");`), [
    "a/two.ts",
    "c.ts",
  ]);
});

Deno.test("the lint table covers every source, has no row without sources and no exception by file", () => {
  const rows = new Set(sources.filter((path) => !isUnbound(path)).map(rowOf));
  assert.deepEqual(Object.keys(MAY_IMPORT).toSorted(), [...rows].toSorted());
  for (const [row, allowed] of Object.entries(MAY_IMPORT)) {
    for (const target of allowed) {
      assert(target === "deno.json" || (target.endsWith("/") && rows.has(target)), `${row}: ${target}`);
    }
  }
});

Deno.test("the lint table permits no import that no file has", () => {
  const folders = merged(files, rowOf);
  const unused = Object.entries(MAY_IMPORT).flatMap(([row, allowed]) =>
    allowed.filter((target) => !folders.get(row)?.has(target)).map((target) => `${row} -> ${target}`)
  );
  assert.deepEqual(unused, []);
});
