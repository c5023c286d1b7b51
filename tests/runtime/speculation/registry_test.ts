/**
 * The registry of proposers: it is the only place that knows their names, besides the flag that takes one.
 *
 * @module
 */
import { ARCHITECTURES } from "../../../runtime/architectures/registry.ts";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { speculationFlags, speculationSchema } from "../../../cli/speculation_flags.ts";
import {
  defaultEntry,
  proposerEntries,
  proposerEntry,
  proposerNames,
} from "../../../runtime/speculation/registry.ts";
import { listFiles, readFile } from "../../lint/sources.ts";
import { defaultArgs } from "../../support/test_engine.ts";

const root = join(import.meta.dirname!, "..", "..", "..");
/** The server and all that it imports. */
const FOLDERS = ["cli", "ffi", "http", "routes", "runtime", "scale"],
  FILES = ["mod.ts", "scale.ts", "serve.ts"];
/** Flags and what a name does in their help. */
const FLAGS = "cli/speculation_flags.ts";

/** The code of a source without its comments, as far as comments begin a line, or end one. */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*\*?[^]*?\*\//gm, "").replace(/(^|\s)\/\/ .*$/gm, "");
}

/**
 * How often code names an algorithm: as a text of its own, as a key, or behind its flag. Within a longer text the word
 * `EAGLE` is the method of that name, whose variants it begins with.
 */
function countName(name: string, source: string): number {
  const patterns = [`(["'\`])${name}\\1`, `\\b${name}\\??:`, `--speculative-algorithm[ =]${name}\\b(?!-)`];
  return [...withoutComments(source).matchAll(new RegExp(patterns.join("|"), "g"))].length;
}

Deno.test("names of algorithms are found where code has them, and not where it speaks of a method", () => {
  const found = [
    'if (algorithm === "EAGLE") return;',
    "const names = { EAGLE: 1 };",
    'algorithm.startsWith("EAGLE")',
    "`expected --speculative-algorithm EAGLE`",
    'const x = 1; // plain\nreturn ["EAGLE"];',
  ];
  for (const source of found) assert.equal(countName("EAGLE", source), 1, source);
  const passed = [
    '/** The head of "EAGLE". */\nconst x = 1;',
    'const x = 1; // as "EAGLE" does',
    '"expected an EAGLE, EAGLE-2 or EAGLE-3 head"',
    'class EagleHead { kind = "eagle" }',
  ];
  for (const source of passed) assert.equal(countName("EAGLE", source), 0, source);
});

Deno.test("an algorithm's name occurs once, in the file of its entry, besides flags", () => {
  const sources = [...FILES, ...FOLDERS.flatMap(listFiles)]
    .filter((path) => path.endsWith(".ts") && path !== FLAGS)
    .map((path) => ({ path, source: readFile(path) }));
  assert.ok(sources.length > 300, `${sources.length} sources`);
  for (const name of [...proposerNames, "NONE"]) {
    const places = sources.map(({ path, source }) => ({ path, count: countName(name, source) }))
      .filter(({ count }) => count > 0);
    assert.equal(places.length, 1, `${name}: ${places.map(({ path }) => path).join(", ")}`);
    assert.equal(places[0]!.count, 1, `${name} in ${places[0]!.path}`);
    assert.match(places[0]!.path, /^runtime\/speculation\//);
  }
});

Deno.test("the flag takes the names of the registry and NONE, and its help has those that are for users", () => {
  const { speculativeAlgorithm } = speculationSchema;
  assert.deepEqual(new Set(speculativeAlgorithm.unwrap().options), new Set([...proposerNames, "NONE"]));
  const { help } = speculationFlags.find(({ name }) => name === "speculativeAlgorithm")!;
  const words = new Set(help.match(/\b[A-Z0-9]{4,}\b/g));
  assert.deepEqual(words, new Set([...proposerNames.filter((name) => name !== "SYNTHETIC"), "NONE"]));
});

Deno.test("a name belongs to one entry, and one that is unknown is refused with those there are", () => {
  assert.equal(new Set(proposerNames).size, proposerEntries.length);
  for (const entry of proposerEntries) assert.equal(proposerEntry(entry.name), entry);
  assert.throws(() => proposerEntry("MEDUSA"), {
    name: "LoadError",
    message: `Cannot speculate with MEDUSA, expected one of ${proposerNames.join(", ")}`,
  });
});

Deno.test("page keys include the next token for heads alone, on whose draft KV it depends", () => {
  for (const { name, needs, keyIncludesNextToken } of proposerEntries) {
    assert.equal(keyIncludesNextToken, needs.files === "head", name);
  }
});

Deno.test("shipped heads are there, that of the default proposer among them", () => {
  const folders = proposerEntries.flatMap(({ needs }) =>
    needs.files === "head" && needs.shipped !== undefined ? [needs.shipped] : []
  );
  for (const folder of folders) assert.ok(existsSync(join(root, folder, "config.json")), folder);
  const { needs } = defaultEntry;
  assert.ok(needs.files === "head" && needs.shipped !== undefined);
});

Deno.test("every default tree fits a mask of 64 bits, its root counted", () => {
  for (const { name, defaultTree } of proposerEntries) {
    for (const headTree of [...ARCHITECTURES.map(({ draftTree }) => draftTree), undefined]) {
      const { numSteps, topk, numDraftTokens } = defaultTree(defaultArgs, headTree);
      assert.ok(numSteps >= 1 && topk >= 1 && numDraftTokens >= 2 && numDraftTokens <= 64, name);
    }
  }
});
