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
 * The folders that the files of a folder may import from besides their own. A folder is what lies directly in it: a
 * subfolder has a row of its own, and stands above or below its parent like any other. At the root of the house and of
 * no other folder each file has a row. `deno.json` is the version's only home.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "serve.ts": [
    "cli/",
    "http/",
    "routes/",
    "routes/answers/",
    "routes/gate/",
    "runtime/contracts/",
    "runtime/engine/",
  ],
  "scale.ts": ["scale/"],
  "mod.ts": ["cli/", "routes/", "runtime/contracts/", "runtime/engine/"],
  // Processes and command lines only: nothing of what a server serves.
  "scale/": ["cli/", "runtime/contracts/", "runtime/processes/"],
  "cli/": ["deno.json", "runtime/contracts/", "runtime/output/"],
  // The bodies of its errors are those of the routes.
  "http/": ["routes/answers/", "runtime/contracts/"],
  "routes/": [
    "routes/answers/",
    "routes/anthropic/",
    "routes/gate/",
    "routes/generation/",
    "routes/native/",
    "routes/ollama/",
    "routes/openai/",
    "routes/operator/",
    "routes/pages/",
    "runtime/contracts/",
  ],
  "routes/pages/": ["runtime/contracts/", "web/"],
  "routes/operator/": [
    "deno.json",
    "routes/answers/",
    "routes/gate/",
    "routes/generation/",
    "routes/schema/",
    "runtime/contracts/",
  ],
  // An answer that renders a request takes it apart as the endpoint does that would serve it.
  "routes/native/": [
    "routes/answers/",
    "routes/generation/",
    "routes/openai/",
    "routes/schema/",
    "runtime/contracts/",
    "runtime/output/",
  ],
  "routes/anthropic/": ["routes/answers/", "routes/generation/", "routes/schema/", "runtime/contracts/"],
  "routes/ollama/": [
    "routes/answers/",
    "routes/generation/",
    "routes/openai/",
    "routes/schema/",
    "runtime/contracts/",
  ],
  "routes/openai/": [
    "routes/answers/",
    "routes/generation/",
    "routes/schema/",
    "runtime/contracts/",
  ],
  "routes/generation/": [
    "routes/answers/",
    "routes/gate/",
    "routes/schema/",
    "runtime/contracts/",
    "runtime/grammars/",
    "runtime/output/",
  ],
  "routes/schema/": ["routes/answers/", "runtime/contracts/", "runtime/output/"],
  "routes/gate/": ["routes/answers/", "runtime/contracts/"],
  "routes/answers/": ["runtime/contracts/"],
  "runtime/engine/": [
    ...CONTRACTS,
    "deno.json",
    "runtime/actor/",
    "runtime/actors/",
    "runtime/architectures/",
    "runtime/metrics/",
    "runtime/models/",
    "runtime/nn/",
    "runtime/scheduling/",
    "runtime/speculation/",
    "runtime/speculation/setup/",
    "runtime/speculation_policy/",
    "runtime/tokenizer/",
    "runtime/tokenizer/host/",
    "runtime/weights/",
    "ffi/",
  ],
  "runtime/actors/": [
    ...CONTRACTS,
    "runtime/actor/",
    "runtime/admission/",
    "runtime/grammars/host/",
    "runtime/metrics/",
    "runtime/models/",
    "runtime/sampling/",
    "runtime/scheduling/",
    "runtime/sequences/",
    "runtime/speculation/",
    "runtime/speculation_policy/",
  ],
  "runtime/actor/": CONTRACTS,
  "runtime/speculation/": [
    ...CONTRACTS,
    "runtime/actor/",
    "runtime/architectures/",
    "runtime/models/",
    "runtime/nn/",
    "runtime/sampling/",
    "ffi/",
  ],
  "runtime/speculation/setup/": [
    "runtime/contracts/",
    "runtime/architectures/",
    "runtime/speculation/",
    "runtime/tokenizer/",
    "runtime/weights/",
  ],
  "runtime/models/": [
    ...CONTRACTS,
    "runtime/architectures/",
    "runtime/nn/",
    "runtime/sampling/",
    "ffi/",
  ],
  "runtime/nn/": ["runtime/contracts/", "ffi/"],
  "runtime/sampling/": [...CONTRACTS, "ffi/"],
  "runtime/grammars/host/": [
    ...CONTRACTS,
    "runtime/processes/",
    "runtime/tokenizer/",
    "runtime/tokenizer/encoding/",
  ],
  "runtime/tokenizer/host/": ["runtime/contracts/", "runtime/processes/", "runtime/tokenizer/"],
  // A GGUF file carries both weights and tokenizer.
  "runtime/tokenizer/": [
    "runtime/contracts/",
    "runtime/jinja/",
    "runtime/tensor_files/",
    "runtime/tokenizer/encoding/",
  ],
  "runtime/tokenizer/encoding/": ["runtime/contracts/"],
  // An interpreter of a language: knows neither chats nor tokens.
  "runtime/jinja/": [],
  "runtime/weights/": [
    "runtime/contracts/",
    "runtime/architectures/",
    "runtime/tensor_files/",
    "runtime/tokenizer/",
    "runtime/weights/quantized/",
  ],
  "runtime/weights/quantized/": ["runtime/contracts/", "runtime/architectures/", "runtime/tensor_files/"],
  // Descriptors: no forward, no tokenizer.
  "runtime/architectures/": ["runtime/contracts/", "runtime/tensor_files/"],
  "runtime/tensor_files/": ["runtime/contracts/"],
  // The scheduler holds one draft policy by its contract and knows no implementation.
  "runtime/scheduling/": [
    ...CONTRACTS,
    "runtime/admission/",
    "runtime/sequences/",
    "runtime/step_time/",
  ],
  "runtime/admission/": [...CONTRACTS, "runtime/cache/", "runtime/sequences/"],
  "runtime/sequences/": [...CONTRACTS, "runtime/cache/"],
  "runtime/speculation_policy/": ["runtime/contracts/"],
  "runtime/step_time/": [],
  "runtime/cache/": [],
  // From what clients send to grammars: pure, and fast enough for the thread of HTTP.
  "runtime/grammars/": ["runtime/contracts/"],
  "runtime/metrics/": [...CONTRACTS, "deno.json"],
  // What a model's text means: knows neither tokens nor requests.
  "runtime/output/": ["runtime/contracts/"],
  "runtime/processes/": [],
  "runtime/messages/": ["runtime/contracts/"],
  "runtime/contracts/": [],
  "ffi/": [],
  // The pages. Of the server they know the types of the API's fields and nothing that runs.
  "web/": ["web/chat/", "web/load/", "web/race/", "web/ui/"],
  "web/chat/": ["web/api/", "web/tokens/", "web/ui/"],
  "web/docs/": [],
  "web/race/": ["web/api/", "web/tokens/", "web/ui/"],
  "web/load/": ["web/api/", "web/ui/"],
  "web/tokens/": ["web/api/", "web/ui/"],
  "web/api/": ["routes/schema/"],
  "web/ui/": [],
};

/** What measures and checks the house reaches into every room of it. */
const UNBOUND = ["bench/", "tests/"];

/** Folders of pure functions, and the globals by which the world would get in. */
const PURE = [
  "runtime/grammars/",
  "runtime/scheduling/",
  "runtime/admission/",
  "runtime/sequences/",
  "runtime/speculation_policy/",
  "runtime/step_time/",
  "runtime/cache/",
];
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
        if (!PURE.includes(rowOf(from))) return {};
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

/** The row of a file: its own at the root, else that of its folder. */
export function rowOf(path: string): string {
  return path.includes("/") ? `${dirname(path)}/` : path;
}

/** Whether no row bounds a file. */
export function isUnbound(path: string): boolean {
  return UNBOUND.some((folder) => path.startsWith(folder));
}

function mayImport(from: string, to: string): boolean {
  if (isUnbound(from)) return true;
  const own = rowOf(from), target = rowOf(to);
  // A file without a row belongs to no layer and may import nothing: its row is missing.
  const allowed = MAY_IMPORT[own];
  return allowed !== undefined && ((target === own && own.endsWith("/")) || allowed.includes(target));
}
