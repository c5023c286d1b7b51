/**
 * nvcc, which compiles the library of `cuda`: that of `PATH`, or of NVIDIA's packages on PyPI, which pip unpacks into
 * `build/cuda-toolkit/`. `deno run -A ffi/cuda_toolkit.ts` has pip do so where there is no nvcc, and prints its path.
 *
 * @module
 */
import { join } from "node:path";
import { cannotBuild, NativeError } from "./error.ts";

/** The packages of a toolkit, as pip takes them: the compiler, what it includes, and the runtime to link. */
const TOOLKIT_PACKAGES: readonly string[] = [
  "nvidia-cuda-nvcc",
  "nvidia-cuda-crt",
  "nvidia-cuda-runtime",
  "nvidia-cuda-cccl",
  "nvidia-cuda-culibos",
  "nvidia-nvvm",
].map((name) => `${name}~=13.0.0`);

/** The oldest CUDA whose nvcc is taken. */
const MIN_VERSION = [13, 0] as const;

/** Where pip unpacks the packages, below the folder with `kernels/`. */
function toolkitFolder(root: string): string {
  return join(root, "build", "cuda-toolkit");
}

/** The toolkit within the packages. */
function toolkitIn(folder: string): string {
  return join(folder, "nvidia", "cu13");
}

/** Version of an nvcc, such as `[13, 0]`; undefined if there is none at this path. */
function versionOf(nvcc: string): readonly [number, number] | undefined {
  try {
    const { stdout } = new Deno.Command(nvcc, { args: ["--version"], stderr: "null" }).outputSync();
    const [, major, minor] = /\brelease (\d+)\.(\d+)/.exec(new TextDecoder().decode(stdout)) ?? [];
    return major === undefined ? undefined : [Number(major), Number(minor)];
  } catch {
    return undefined;
  }
}

function isNewEnough(version: readonly [number, number] | undefined): boolean {
  if (version === undefined) return false;
  return version[0] > MIN_VERSION[0] || version[0] === MIN_VERSION[0] && version[1] >= MIN_VERSION[1];
}

/** The nvcc that builds the library of `root`, the folder with `kernels/`: a name on `PATH` or a path, if there is one. */
export function findNvcc(root: string = join(import.meta.dirname!, "..")): string | undefined {
  const candidates = ["nvcc", join(toolkitIn(toolkitFolder(root)), "bin", "nvcc")];
  return candidates.find((nvcc) => isNewEnough(versionOf(nvcc)));
}

/**
 * Options by which CMake takes the nvcc that there is.
 *
 * @throws {NativeError} if there is none, with the ways to get one
 */
export function nvccOptions(root: string): string[] {
  const nvcc = findNvcc(root);
  if (nvcc === undefined) {
    const old = versionOf("nvcc"), folder = toolkitFolder(root);
    throw cannotBuild(
      `${
        old === undefined ? "no nvcc on PATH" : `the nvcc of PATH is CUDA ${old.join(".")}'s`
      }, expected CUDA ` +
        `${
          MIN_VERSION.join(".")
        } or newer: install NVIDIA's toolkit, or: python3 -m pip install --target ${folder} ` +
        TOOLKIT_PACKAGES.join(" "),
    );
  }
  if (nvcc !== "nvcc") linkLibraries(toolkitFolder(root));
  return [`-DCMAKE_CUDA_COMPILER=${nvcc}`];
}

/** Adds the name under which nvcc looks for the libraries of its toolkit, which the packages lack. */
function linkLibraries(folder: string): void {
  try {
    Deno.symlinkSync("lib", join(toolkitIn(folder), "lib64"));
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/**
 * An nvcc for the library of `root`; where there is none, pip installs its packages first. Processes that
 * start together install once.
 *
 * @throws {NativeError} if pip fails
 */
export async function ensureNvcc(root: string = join(import.meta.dirname!, "..")): Promise<string> {
  const found = findNvcc(root);
  if (found !== undefined) return found;
  const folder = toolkitFolder(root), unfinished = `${folder}.new`;
  await Deno.mkdir(join(root, "build"), { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { write: true, create: true });
  await lock.lock(true);
  const meanwhile = findNvcc(root);
  if (meanwhile !== undefined) return meanwhile;
  for (const leftover of [folder, unfinished]) {
    await Deno.remove(leftover, { recursive: true }).catch(() => {});
  }
  const flags = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
  const args = ["-m", "pip", "install", ...flags, "--target", unfinished, ...TOOLKIT_PACKAGES];
  const { success, stderr } = await new Deno.Command("python3", { args, stdin: "null", stdout: "null" })
    .output()
    .catch((error) => ({ success: false, stderr: new TextEncoder().encode(String(error)) }));
  if (!success) {
    throw cannotBuild(
      `pip cannot install nvcc: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`,
    );
  }
  await Deno.rename(unfinished, folder);
  const nvcc = findNvcc(root);
  if (nvcc === undefined) throw cannotBuild(`the nvcc that pip installed into ${folder} does not run`);
  return nvcc;
}

if (import.meta.main) {
  const print = (stream: typeof Deno.stdout, line: string) =>
    stream.writeSync(new TextEncoder().encode(`${line}\n`));
  try {
    print(Deno.stdout, await ensureNvcc());
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    print(Deno.stderr, `Error: ${error.message}`);
    Deno.exit(1);
  }
}
