/**
 * What the house asks of every file and no linter checks.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { listFiles, readFile } from "./sources.ts";

const FOLDERS = ["cli", "ffi", "http", "kernels", "routes", "runtime", "scale", "tools", "web"];
const MAX_LINES = 259;

/** Which part of the native code may include which, besides itself and `aerie.h`. */
const MAY_INCLUDE: Readonly<Record<string, readonly string[]>> = {
  abi: ["core"],
  core: [],
  cpu: ["core"],
  cuda: ["core"],
  sim: [],
};

const sources = FOLDERS.flatMap(listFiles).filter((path) => /\.(ts|h|cpp|cu|cuh)$/.test(path));

Deno.test("every source file is under 260 lines, save tables", () => {
  const long = sources.filter((path) => !isTable(path))
    .map((path) => ({ path, numLines: readFile(path).trimEnd().split("\n").length }))
    .filter(({ numLines }) => numLines > MAX_LINES);
  assert.deepEqual(long, []);
});

Deno.test("every source file of TypeScript begins with what it is for", () => {
  const silent = sources.filter((path) =>
    path.endsWith(".ts") && !/^\/\*\*[^]*?@module\n \*\//.test(readFile(path))
  );
  assert.deepEqual(silent, []);
});

Deno.test("no member of the workspace has tests: deno test would run these, and no others", () => {
  const { workspace } = JSON.parse(readFile("deno.json")) as { workspace: readonly string[] };
  const tests = workspace.flatMap((member) => listFiles(member.replace(/^\.\//, "")))
    .filter((path) => path.endsWith("_test.ts"));
  assert.deepEqual(tests, []);
  assert.ok(!workspace.some((member) => member.startsWith("./tests")));
});

Deno.test("native code includes only what lies below it", () => {
  const upward: string[] = [];
  for (const path of sources.filter((path) => path.startsWith("kernels/"))) {
    const part = path.split("/")[1]!;
    for (const [, included] of readFile(path).matchAll(/^#include "(?:\.\.\/)*(\w+)\//gm)) {
      if (included === part || included === "include") continue;
      if (MAY_INCLUDE[part]?.includes(included!) !== true) upward.push(`${path} includes ${included}/`);
    }
  }
  assert.deepEqual(upward, []);
});

/** Whether native code follows a pointer into a device's memory, or takes one out of a buffer to do so. */
function dereferences(source: string): boolean {
  const code = source.replaceAll(/\/\/.*/g, "");
  return /(?:\.|->)\s*(?:address|owner)\b/.test(code) ||
    /\b(?:buffer|device)\s*(?:\.|->)\s*(?:data|get)\s*\(/.test(code);
}

Deno.test("only backends read and write the memory of a device", () => {
  for (
    const code of ["*(float*)tensor.buffer.address", "kv->buffer\n->address", "block.device.owner.get()"]
  ) {
    assert.ok(dereferences(code), code);
  }
  assert.ok(!dereferences("upload(tensor.buffer, 0, data, bytes);  // not x.address"));
  const above = sources.filter((path) => /^kernels\/(?:abi|core)\//.test(path));
  assert.ok(above.length > 20, "there are such files");
  assert.deepEqual(above.filter((path) => dereferences(readFile(path))), []);
});

Deno.test("no file names a host of a package registry", () => {
  // Put together here, so that this file does not name them either.
  const hosts = [["registry", "npmjs"], ["files", "pythonhosted"], ["pypi", "org"], ["jsr", "io"]]
    .map((parts) => parts.join("."));
  const naming = sources.filter((path) => hosts.some((host) => readFile(path).includes(host)));
  assert.deepEqual(naming, []);
});

/** Declarations of a foreign interface are one line per function and are read as a list. */
function isTable(path: string): boolean {
  return path === "ffi/symbols.ts" || path === "kernels/include/aerie.h";
}
