/**
 * Builds the native library from `kernels/` when its sources changed. `deno run -A ffi/build.ts` does so and prints
 * the library's path.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { nvccOptions } from "./cuda_toolkit.ts";
import { cannotBuild, NativeError } from "./error.ts";

/** Options of {@linkcode ensureLibrary}. */
export interface BuildOptions {
  /** Called with the progress of a build, if there is one. */
  readonly onProgress?: (text: string) => void;
  /**
   * Builds with sanitizers, into a folder of its own: `address` is AddressSanitizer and UndefinedBehaviorSanitizer,
   * into `build-asan/`, `thread` is ThreadSanitizer, into `build-tsan/`.
   */
  readonly sanitize?: "address" | "thread";
  /**
   * The device that the library is for: `cpu`, which is the default, `cuda`, built by nvcc, or `cuda-sim`, which runs
   * the sources of `cuda` on a simulator. Sanitizers are for `cpu`.
   */
  readonly device?: keyof typeof TARGETS;
  /** Folder with `kernels/`; tests put their own. */
  readonly root?: string;
}

/** What CMake builds for a device: a folder of `kernels/`, its target, its options. */
const TARGETS = {
  cpu: { sources: "kernels", name: "aerie", binaries: "cmake", options: [] },
  cuda: {
    sources: "kernels/cuda",
    name: "aerie_cuda",
    binaries: "cmake-cuda",
    options: ["-DAERIE_SIM=OFF"],
  },
  "cuda-sim": {
    sources: "kernels/cuda",
    name: "aerie_cuda_sim",
    binaries: "cmake-cuda-sim",
    options: ["-DAERIE_SIM=ON"],
  },
} as const;

const SANITIZED_FOLDERS = { address: "build-asan", thread: "build-tsan" } as const;
const NUM_TAIL_LINES = 25;
/** Free disk space, in bytes, that a step of the build needs at least. */
const ROOM_BYTES = 1 << 20;
const MISSING_TOOL = "on Debian: apt-get install g++ cmake make";

/**
 * Path of the library, built first if there is none of these sources. Processes that start together build once.
 *
 * @throws {NativeError} if a tool is missing or the build fails
 */
export async function ensureLibrary(options: BuildOptions = {}): Promise<string> {
  const root = options.root ?? join(import.meta.dirname!, "..");
  const folder = join(root, options.sanitize ? SANITIZED_FOLDERS[options.sanitize] : "build");
  const target = TARGETS[options.device ?? "cpu"], fileName = `lib${target.name}.so`;
  const library = join(folder, fileName), binaries = join(folder, target.binaries);
  if (stateOf(library, hashSources(root)) === "current") return library;
  try {
    await Deno.mkdir(folder, { recursive: true });
    using lock = await Deno.open(`${library}.lock`, { write: true, create: true });
    await lock.lock(true);
    const hash = hashSources(root), state = stateOf(library, hash);
    if (state === "current") return library;
    // The object files may be damaged too, by the same cause as the library.
    if (state === "damaged") await Deno.remove(binaries, { recursive: true }).catch(() => {});
    await build(root, folder, options);
    // Written under other names first: a library that a process has loaded must not change under it.
    await Deno.copyFile(join(binaries, fileName), `${library}.new`);
    await Deno.writeTextFile(`${stampOf(library)}.new`, stampText(hash, hashFile(`${library}.new`)));
    await Deno.rename(`${library}.new`, library);
    await Deno.rename(`${stampOf(library)}.new`, stampOf(library));
  } catch (error) {
    if (error instanceof NativeError) throw error;
    throw cannotBuild(`${error instanceof Error ? error.message : error}`);
  }
  return library;
}

function stampOf(library: string): string {
  return `${library}.sources`;
}

/** The stamp ties a library to its sources and to its content: one that was cut off or changed is built anew. */
function stampText(sources: string, content: string): string {
  return `${sources} ${content}\n`;
}

function stateOf(library: string, sources: string): "current" | "outdated" | "damaged" {
  try {
    const stamp = Deno.readTextFileSync(stampOf(library));
    if (stamp === stampText(sources, hashFile(library))) return "current";
    return stamp.startsWith(`${sources} `) ? "damaged" : "outdated";
  } catch {
    return "outdated";
  }
}

function hashFile(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}

/** Changes with any file of `kernels/`, the machine's architecture and the compiler's variables in the environment. */
function hashSources(root: string): string {
  const hash = createHash("sha256");
  const environment = ["CXX", "CXXFLAGS", "LDFLAGS"].map((name) => Deno.env.get(name) ?? "");
  hash.update(JSON.stringify([Deno.build.arch, ...environment]));
  for (const path of listFiles(join(root, "kernels"))) {
    const content = Deno.readFileSync(path);
    hash.update(`${path.slice(root.length)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function listFiles(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? listFiles(path) : [path];
  });
}

async function build(root: string, folder: string, options: BuildOptions): Promise<void> {
  const { sanitize, device = "cpu", onProgress } = options, target = TARGETS[device];
  const report = (percent: string) => onProgress?.(`Building the native library: ${percent}%`);
  const binaries = join(folder, target.binaries);
  const configure = [
    "-S",
    join(root, target.sources),
    "-B",
    binaries,
    "-DCMAKE_BUILD_TYPE=Release",
    ...(sanitize === undefined ? [] : [`-DAERIE_SANITIZE=${sanitize}`]),
    ...target.options,
    ...(device === "cuda" ? nvccOptions(root) : []),
  ];
  report("0");
  let configured = await run(configure);
  if (!configured.success) {
    // The cache of a moved checkout or of another compiler is refused; without it all is built again.
    await Deno.remove(binaries, { recursive: true }).catch(() => {});
    configured = await run(configure);
  }
  assertRoom(configured, folder);
  if (/No CMAKE_CXX_COMPILER|CMAKE_CXX_COMPILER not set|CMAKE_MAKE_PROGRAM/.test(configured.output)) {
    throw cannotBuild(`no C++ compiler or no make; ${MISSING_TOOL}`);
  }
  assertSuccess(configured, folder);
  const compile = [
    "--build",
    binaries,
    "--target",
    target.name,
    "--parallel",
    String(navigator.hardwareConcurrency),
  ];
  assertSuccess(
    await run(compile, (line) => {
      const percent = /^\[ *(\d+)%\]/.exec(line)?.[1];
      if (percent !== undefined) report(percent);
    }),
    folder,
  );
}

interface Outcome {
  readonly success: boolean;
  readonly output: string;
}

function assertSuccess(outcome: Outcome, folder: string): void {
  if (outcome.success) return;
  assertRoom(outcome, folder);
  const tail = outcome.output.trimEnd().split("\n").slice(-NUM_TAIL_LINES).join("\n");
  throw cannotBuild(`cmake failed\n${tail}`);
}

/** Throws if a step failed for want of room on the disk. */
function assertRoom({ success, output }: Outcome, folder: string): void {
  if (success) return;
  const [full] =
    /No space left on device|File size limit exceeded|File too large|Disk quota exceeded/i.exec(output) ??
      (isFull(folder) ? ["No space left on device"] : []);
  if (full !== undefined) {
    throw cannotBuild(`${full.toLowerCase()}, in ${folder}`);
  }
}

/** True if the disk is full: a linker that a full disk ends does not report it. */
function isFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < ROOM_BYTES;
}

async function run(args: string[], onLine: (line: string) => void = () => {}): Promise<Outcome> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("cmake", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw cannotBuild(`cmake is not installed; ${MISSING_TOOL}`);
  }
  const lines: string[] = [];
  const gather = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      for (const line of parts) {
        lines.push(line);
        onLine(line);
      }
    }
    if (rest !== "") lines.push(rest);
  };
  const [{ success, signal }] = await Promise.all([
    child.status,
    gather(child.stdout),
    gather(child.stderr),
  ]);
  if (signal !== null) lines.push(signal === "SIGXFSZ" ? "File size limit exceeded" : `killed by ${signal}`);
  return { success, output: lines.join("\n") };
}

if (import.meta.main) {
  const print = (stream: typeof Deno.stdout, line: string) =>
    stream.writeSync(new TextEncoder().encode(`${line}\n`));
  const sanitize = (["address", "thread"] as const).find((name) => Deno.args.includes(`--sanitize=${name}`));
  const device = (["cuda", "cuda-sim"] as const).find((name) => Deno.args.includes(`--device=${name}`));
  let isAnnounced = false;
  try {
    const library = await ensureLibrary({
      ...(sanitize !== undefined && { sanitize }),
      ...(device !== undefined && { device }),
      onProgress() {
        if (!isAnnounced) print(Deno.stderr, "Building the native library");
        isAnnounced = true;
      },
    });
    print(Deno.stdout, library);
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    print(Deno.stderr, `Error: ${error.message}`);
    Deno.exit(1);
  }
}
