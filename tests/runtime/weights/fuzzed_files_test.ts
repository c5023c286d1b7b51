/**
 * Every file of a model, damaged at random: it opens, or the error is a `LoadError`, and soon.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { planVerifier } from "../../../runtime/engine/engine_config.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { openDraftHead } from "../../../runtime/weights/draft_checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { readTokenMap } from "../../../runtime/weights/token_map.ts";
import { defaultArgs } from "../../support/test_engine.ts";
import { TINY_CONFIG, writeTinyModel } from "../../support/tiny_model.ts";
import { writeTinyHead } from "../../support/tiny_head.ts";
import { pickle, torchArchive } from "../../support/torch_writer.ts";

/** Ten times the two seconds that a bad file may take. */
const LIMIT_MS = 20_000;

/** What somebody's script, or an attacker, may have put in place of a value. */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e300,
  2 ** 53,
  2 ** 32,
  "",
  "x",
  "<|im_end|>",
  "(a+)+$",
  "(",
  [],
  {},
  [[]],
  [1],
  ["a", "b"],
  { type: "Sequence" },
  { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" },
  { type: "no such type" },
  { "a": {} },
];

/** Bytes changed, cut off, or for JSON one value in place of another. */
function damaged(name: string, whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const flips = fc.record({
    length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
    flips: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
  }).map(({ length, flips }) => {
    const copy = whole.slice();
    for (const [at, value] of flips) copy[at] = value;
    return copy.subarray(0, length);
  });
  if (!name.endsWith(".json")) return flips;
  const document: unknown = JSON.parse(new TextDecoder().decode(whole));
  const paths = pathsOf(document);
  const odd = fc.tuple(fc.constantFrom(...paths), fc.constantFrom(...ODD_VALUES)).map(([path, value]) =>
    new TextEncoder().encode(JSON.stringify(replacedAt(document, path, value)))
  );
  return fc.oneof({ weight: 3, arbitrary: odd }, flips);
}

type Path = readonly string[];

/** Where the values of a document lie; of long lists and dictionaries the first few. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).slice(0, 12).flatMap(([key, part]) => pathsOf(part, [...path, key])),
  ];
}

function replacedAt(value: unknown, [key, ...rest]: Path, odd: unknown): unknown {
  if (key === undefined) return odd;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? [...value] as unknown as Record<string, unknown>
    : { ...value as Record<string, unknown> };
  copy[key] = replacedAt(copy[key], rest, odd);
  return copy;
}

/** Opens a model as the server does up to the first native call, and uses its tokenizer. */
async function useModel(folder: string): Promise<void> {
  const { checkpoint, tokenizerSource } = await openCheckpoint(await resolveModel(folder));
  const tokenizer = loadTokenizer(tokenizerSource);
  planVerifier({
    args: { ...defaultArgs, pageSize: 16 },
    checkpoint,
    libraryPath: "none",
    free: { bytes: 2 ** 33, boundBy: "host" },
    device: "cpu",
    eosTokenIds: [0],
  });
  assert.ok(tokenizer.encode("rest is rest") instanceof Int32Array);
  assert.ok(typeof tokenizer.decode([0, 1, 2]) === "string");
}

/** Runs `use` on a folder with one file damaged in `numRuns` ways. */
async function fuzz(
  folder: string,
  name: string,
  use: () => Promise<unknown>,
  numRuns: number,
): Promise<void> {
  const path = join(folder, name), whole = await Deno.readFile(path);
  await use();
  await fc.assert(
    fc.asyncProperty(damaged(name, whole), async (bytes) => {
      await Deno.writeFile(path, bytes);
      const start = performance.now();
      try {
        await use();
      } catch (error) {
        assert.ok(error instanceof LoadError, `${name}: ${error instanceof Error ? error.stack : error}`);
        assert.ok(!/\n\s+at /.test(error.message), error.message);
      }
      assert.ok(performance.now() - start < LIMIT_MS, `${name}: ${performance.now() - start} ms`);
    }),
    { numRuns },
  );
  await Deno.writeFile(path, whole);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("files: a model folder with a damaged file opens or gives a LoadError", () =>
  inFolder(async (folder) => {
    await writeTinyModel(folder, { kind: "safetensors", seed: 1, shards: 2 });
    const names = [
      "config.json",
      "generation_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "model.safetensors.index.json",
      "model-00001-of-00002.safetensors",
    ];
    for (const name of names) {
      await fuzz(folder, name, () => useModel(folder), name === "tokenizer.json" ? 500 : 60);
    }
  }));

Deno.test("files: a draft head with a damaged file opens or gives a LoadError", () =>
  inFolder(async (folder) => {
    const head = join(folder, "head");
    const target = await writeTinyModel(folder, { kind: "gguf", seed: 1 });
    await writeTinyHead(head, { kind: "eagle3", seed: 2, target: TINY_CONFIG, isTorch: true });
    const { checkpoint } = await openCheckpoint(await resolveModel(target));
    const use = () => openDraftHead({ path: head, target: checkpoint });
    await fuzz(head, "config.json", use, 80);
    await fuzz(head, "pytorch_model.bin", use, 150);
  }));

Deno.test("files: a damaged token map opens or gives a LoadError", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "map.json"), JSON.stringify([3, 1, 2]));
    await Deno.writeFile(
      join(folder, "map.pt"),
      await torchArchive(pickle.list(...[3, 1, 2].map(pickle.int))),
    );
    for (const name of ["map.json", "map.pt"]) {
      await fuzz(folder, name, () => readTokenMap(join(folder, name), 10), 100);
    }
  }));
