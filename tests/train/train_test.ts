/**
 * Runs the draft-head trainer's own tests with pytest. They need Python with `train[test]` installed, as
 * `AERIE_PYTHON` or `python3`: without it they are ignored, and in CI they fail.
 *
 * @module
 */
import assert from "node:assert/strict";

const python = Deno.env.get("AERIE_PYTHON") ?? "python3";

async function run(args: readonly string[]): Promise<{ success: boolean; text: string }> {
  const command = new Deno.Command(python, { args: [...args], stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  return { success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

const installed = await run(["-c", "import pytest, torch, aerie_train"]).then(
  ({ success }) => success,
  () => false,
);

Deno.test({
  name: "pytest train/tests",
  ignore: !installed && !Deno.env.get("CI"),
  async fn() {
    const { success, text } = await run(["-m", "pytest", "-q", "-p", "no:cacheprovider", "train/tests"]);
    assert.ok(success, text);
  },
});
