/**
 * Downloads a Python wheel with pip.
 *
 * @module
 */
import { join } from "node:path";

const POLL_MS = 200;

/**
 * Downloads the wheel of a pinned requirement into an empty folder, reporting the bytes there are so far, and returns
 * its path.
 */
export type DownloadWheel = (
  requirement: string,
  folder: string,
  onBytes: (doneBytes: number) => void,
) => Promise<string>;

/** A {@linkcode DownloadWheel} through `python3 -m pip download`. Throws an `Error` that says what went wrong. */
export async function downloadWheel(
  requirement: string,
  folder: string,
  onBytes: (doneBytes: number) => void,
): Promise<string> {
  const pip = spawnPip(requirement, folder);
  // pip has no progress for programs; its temporary files, put into the folder, grow as it downloads.
  const poll = setInterval(() => {
    folderBytes(folder).then(onBytes, () => {});
  }, POLL_MS);
  try {
    const { success, stderr } = await pip.output();
    if (!success) throw new Error(`pip download failed: ${lastLine(stderr)}`);
  } finally {
    clearInterval(poll);
  }
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".whl")) return join(folder, entry.name);
  }
  throw new Error(`pip download ${requirement} brought no wheel`);
}

function spawnPip(requirement: string, folder: string): Deno.ChildProcess {
  try {
    return new Deno.Command("python3", {
      args: [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--retries",
        "2",
        "--dest",
        folder,
        requirement,
      ],
      env: { TMPDIR: folder },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new Error(
      `python3 cannot be run to download it: ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory ? await folderBytes(path) : (await Deno.stat(path)).size;
  }
  return bytes;
}

function lastLine(output: Uint8Array): string {
  const lines = new TextDecoder().decode(output).split("\n").map((line) => line.trim());
  // What pip did not expect is a traceback below "ERROR: Exception:", whose last line says what happened.
  const said = lines.findLast((line) => line.startsWith("ERROR") && line !== "ERROR: Exception:");
  return said ?? lines.findLast((line) => line !== "") ?? "no output";
}
