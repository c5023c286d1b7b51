/**
 * Where tests find the real default model.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { defaultModelFile } from "../../runtime/weights/default_model.ts";

/**
 * What a test of the real model needs: spread `ignore` into the test's options and use `path` inside. Without the
 * model a test is ignored, but in CI it runs and fails on the missing file.
 */
export function needsModel(): { ignore: boolean; path: string } {
  const path = expectedPath();
  return { ignore: !existsSync(path) && !Deno.env.get("CI"), path };
}

/** Path of the default model's GGUF: `AERIE_TEST_MODEL`, else in Aerie's cache. */
function expectedPath(): string {
  return Deno.env.get("AERIE_TEST_MODEL") ?? defaultModelFile();
}

/** Flags that draft with the default model's EAGLE-3 head: so many levels in every step, whether they pay or not. */
export function eagle3Flags(numSteps: number): string[] {
  return [
    ...["--speculative-algorithm", "EAGLE3"],
    ...["--speculative-draft-model-path", "heads/eagle3-smollm2-135m"],
    ...["--speculative-num-steps", String(numSteps)],
  ];
}
