/**
 * Lint plugin for the borders of the house: which folder may import which, what pure folders may not touch, who may
 * open a native library.
 *
 * @module
 */
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname!, "..", "..");

/** Types and plain data that every layer shares. */
const CONTRACTS = ["runtime/contracts/", "runtime/messages/"];

/**
 * What the files of a folder may import besides their own folder. The longest key that a path begins with counts; a
 * key without a slash at its end is a file.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "serve.ts": ["cli/", "http/", "routes/", "runtime/", "ffi/build.ts"],
  "scale.ts": ["scale/"],
  // Processes and command lines: what is served is none of its business.
  "scale/": ["cli/", "runtime/contracts/errors.ts", "runtime/tokenizer/host/guardian.ts"],
  "mod.ts": ["routes/", "runtime/", "ffi/build.ts"],
  "cli/": ["deno.json", ...CONTRACTS, "runtime/actor/actor.ts"],
  "http/": ["routes/errors.ts", "runtime/contracts/errors.ts"],
  "routes/": ["deno.json", ...CONTRACTS],
  "runtime/engine/": ["deno.json", "runtime/", "ffi/"],
  "runtime/actors/": [
    ...CONTRACTS,
    "runtime/actor/",
    "runtime/cache/",
    "runtime/models/",
    "runtime/sampling/",
    "runtime/scheduling/",
    "runtime/speculation/",
    "ffi/",
  ],
  "runtime/actor/": CONTRACTS,
  "runtime/speculation/": [
    ...CONTRACTS,
    "runtime/actor/",
    "runtime/models/",
    "runtime/nn/",
    "runtime/sampling/",
    "ffi/",
  ],
  "runtime/speculation/setup/": [
    ...CONTRACTS,
    "runtime/speculation/",
    "runtime/tokenizer/",
    "runtime/weights/",
  ],
  "runtime/models/": [
    ...CONTRACTS,
    "runtime/actor/actor.ts",
    "runtime/engine/free_memory.ts",
    "runtime/nn/",
    "ffi/",
  ],
  "runtime/nn/": [...CONTRACTS, "ffi/"],
  "runtime/sampling/": [...CONTRACTS, "ffi/"],
  // A GGUF file carries both weights and tokenizer.
  "runtime/tokenizer/": [...CONTRACTS, "runtime/actor/actor.ts", "runtime/tensor_files/"],
  "runtime/weights/": [...CONTRACTS, "runtime/tensor_files/", "runtime/tokenizer/"],
  "runtime/tensor_files/": ["runtime/contracts/"],
  "runtime/scheduling/": [...CONTRACTS, "runtime/cache/"],
  "runtime/cache/": CONTRACTS,
  "runtime/metrics/": [...CONTRACTS, "deno.json"],
  "runtime/messages/": CONTRACTS,
  "runtime/contracts/": CONTRACTS,
  "ffi/": ["runtime/contracts/errors.ts"],
  "bench/": [""],
  "tests/": [""],
};

/** Folders of pure functions, and the globals by which the world would get in. */
const PURE = ["runtime/scheduling/", "runtime/cache/"];
const WORLD = new Set([
  "Deno",
  "Date",
  "performance",
  "crypto",
  "setTimeout",
  "setInterval",
  "fetch",
  "process",
]);
const LIBRARY_GLOBALS = /^(dlopen|Unsafe\w+)$/;

/** The rules; deno.json names this file. */
const plugin: Deno.lint.Plugin = {
  name: "aerie",
  rules: {
    layers: {
      create(context) {
        const from = pathInHouse(context.filename);
        const check = (node: Deno.lint.StringLiteral) => {
          if (!node.value.startsWith(".")) return;
          const to = pathInHouse(join(dirname(context.filename), node.value));
          if (!mayImport(from, to)) context.report({ node, message: `${from} may not import ${to}` });
        };
        return {
          ImportDeclaration: (node) => check(node.source),
          ExportAllDeclaration: (node) => check(node.source),
          ExportNamedDeclaration: (node) => node.source && check(node.source),
          ImportExpression(node) {
            if (node.source.type === "Literal" && typeof node.source.value === "string") {
              check(node.source as Deno.lint.StringLiteral);
            }
          },
        };
      },
    },
    pure: {
      create(context) {
        const from = pathInHouse(context.filename);
        if (!PURE.some((folder) => from.startsWith(folder))) return {};
        return {
          Identifier(node) {
            if (WORLD.has(node.name)) {
              context.report({ node, message: `${from} is pure and may not use ${node.name}` });
            }
          },
          'MemberExpression[object.name="Math"][property.name="random"]'(node) {
            context.report({ node, message: `${from} is pure and may not use Math.random` });
          },
        };
      },
    },
    native: {
      create(context) {
        const from = pathInHouse(context.filename);
        if (from.startsWith("ffi/") || from.startsWith("tests/")) return {};
        return {
          'MemberExpression[object.name="Deno"]'(node) {
            if (node.property.type === "Identifier" && LIBRARY_GLOBALS.test(node.property.name)) {
              context.report({
                node,
                message: `Only ffi/ opens libraries: ${from} may not use Deno.${node.property.name}`,
              });
            }
          },
        };
      },
    },
  },
};
export default plugin;

function pathInHouse(path: string): string {
  return relative(root, path);
}

function mayImport(from: string, to: string): boolean {
  const keys = Object.keys(MAY_IMPORT).filter((key) => from.startsWith(key));
  const key = keys.reduce((longest, key) => key.length > longest.length ? key : longest, "");
  // A file that no rule names belongs to no layer: the rule for its folder is missing.
  const allowed = MAY_IMPORT[key] ?? [];
  const own = key.endsWith("/") ? [key] : [];
  return [...own, ...allowed].some((prefix) => to.startsWith(prefix));
}
