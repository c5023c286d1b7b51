/**
 * The lint plugin reports what crosses a border and nothing else.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import plugin from "./layers.ts";

/** What the plugin says about a file of the house. */
function lint(path: string, source: string): string[] {
  const file = join(import.meta.dirname!, "..", "..", path);
  return Deno.lint.runPlugin(plugin, file, source).map(({ message }) => message);
}

Deno.test("layers: an import that points up is reported", () => {
  const up = [
    ["ffi/ops.ts", "../runtime/engine/engine.ts"],
    ["ffi/build.ts", "../runtime/contracts/errors.ts"],
    ["runtime/contracts/config.ts", "../messages/actors.ts"],
    ["runtime/tokenizer/tokenizer.ts", "./host/pool.ts"],
    ["runtime/new_file.ts", "./contracts/errors.ts"],
    ["runtime/new_folder/file.ts", "./other.ts"],
    ["new_file.ts", "./mod.ts"],
    ["routes/openai/chat.ts", "../../runtime/engine/engine.ts"],
    ["routes/openai/chat.ts", "../../ffi/library.ts"],
    ["runtime/scheduling/commit.ts", "../../ffi/library.ts"],
    ["runtime/scheduling/commit.ts", "../actors/scheduler.ts"],
    ["runtime/scheduling/state.ts", "../speculation_policy/adaptive.ts"],
    ["runtime/actors/verifier.ts", "../../ffi/context.ts"],
    ["runtime/speculation_policy/adaptive.ts", "../messages/actors.ts"],
    ["runtime/admission/admission.ts", "../scheduling/state.ts"],
    ["runtime/speculation_policy/adaptive.ts", "../sequences/sequence.ts"],
    ["runtime/cache/radix_cache.ts", "../scheduling/commit.ts"],
    ["runtime/models/llama.ts", "../actors/verifier.ts"],
    ["runtime/nn/layers.ts", "../models/llama.ts"],
    ["runtime/architectures/llama.ts", "../models/llama.ts"],
    ["runtime/architectures/llama.ts", "../../ffi/ops.ts"],
    ["runtime/tensor_files/gguf.ts", "../architectures/llama.ts"],
    ["runtime/engine/engine.ts", "../../routes/app.ts"],
    ["runtime/engine/engine.ts", "../../tests/support/http.ts"],
    ["runtime/messages/actors.ts", "../engine/engine.ts"],
    ["cli/args.ts", "../routes/app.ts"],
    ["mod.ts", "./serve.ts"],
    ["http/listener.ts", "../routes/app.ts"],
    ["routes/app.ts", "../http/listener.ts"],
  ] as const;
  for (const [from, specifier] of up) {
    const source = [
      `import { x } from "${specifier}";`,
      `import type { y } from "${specifier}";`,
      `export * from "${specifier}";`,
      `export { z } from "${specifier}";`,
      `await import("${specifier}");`,
    ];
    for (const line of source) assert.equal(lint(from, line).length, 1, `${from}: ${line}`);
  }
});

Deno.test("layers: an import that points down, stays in its folder or names a package is fine", () => {
  const down = [
    ["serve.ts", "./cli/args.ts"],
    ["serve.ts", "./http/listener.ts"],
    ["http/refusal.ts", "../routes/answers/errors.ts"],
    ["serve.ts", "./routes/app.ts"],
    ["routes/openai/chat.ts", "../../runtime/contracts/generation.ts"],
    ["routes/openai/chat.ts", "./completions.ts"],
    ["runtime/engine/engine.ts", "../actors/registry.ts"],
    ["runtime/actors/verifier.ts", "../models/load.ts"],
    ["runtime/scheduling/commit.ts", "../sequences/pages.ts"],
    ["runtime/scheduling/state.ts", "../contracts/draft_policy.ts"],
    ["runtime/tokenizer/host/host.ts", "../tokenizer.ts"],
    ["cli/command_line.ts", "../deno.json"],
    ["runtime/models/llama.ts", "../../ffi/ops.ts"],
    ["runtime/weights/checkpoint.ts", "../architectures/registry.ts"],
    ["tests/runtime/engine_test.ts", "../../runtime/engine/engine.ts"],
    ["runtime/engine/engine.ts", "node:path"],
    ["runtime/engine/engine.ts", "zod"],
  ] as const;
  for (const [from, specifier] of down) {
    assert.deepEqual(lint(from, `import { x } from "${specifier}";`), [], `${from} -> ${specifier}`);
  }
});

Deno.test("pure: scheduling, its parts and cache may not reach the world", () => {
  const reaching = ["Deno.pid;", "Date.now();", "performance.now();", "Math.random();", "setTimeout(f, 1);"];
  for (const line of reaching) {
    for (const file of ["scheduling/commit.ts", "admission/admission.ts", "speculation_policy/adaptive.ts"]) {
      assert.equal(lint(`runtime/${file}`, line).length, 1, line);
    }
    assert.deepEqual(lint("runtime/actors/scheduler.ts", line), [], line);
  }
  assert.deepEqual(lint("runtime/cache/radix_cache.ts", "Math.max(1, 2);"), []);
});

Deno.test("native: only ffi opens libraries", () => {
  for (const line of ['Deno.dlopen("x.so", {});', "new Deno.UnsafePointerView(p);"]) {
    assert.equal(lint("runtime/models/llama.ts", line).length, 1, line);
    assert.deepEqual(lint("ffi/library.ts", line), [], line);
  }
});
