/**
 * Registers, shared memory and spills of every kernel of the CUDA library, as ptxas told them when it was built.
 *
 * @module
 */
import { join } from "node:path";
import { ensureLibrary } from "../../ffi/build.ts";
import { findNvcc } from "../../ffi/cuda_toolkit.ts";

const root = join(import.meta.dirname!, "..", "..");

/** What a kernel takes of a device. */
export interface KernelResources {
  /** Name without namespaces and parameters, such as `linear_rows<HalfFormat<bf16>, 8, 4>`. */
  readonly kernel: string;
  /** File below `kernels/cuda/device/`. */
  readonly file: string;
  /** Such as `sm_90a`. */
  readonly device: string;
  /** Registers per thread. */
  readonly registers: number;
  /** Shared memory per block that the kernel declares, in bytes; what a launch adds is not in it. */
  readonly sharedBytes: number;
  /** Local memory per thread, in bytes: arrays that are not in registers, and what is spilled. */
  readonly stackBytes: number;
  /** Bytes per thread that are stored to local memory and loaded again for want of registers. */
  readonly spillBytes: number;
}

/** What the compiler said of one file. */
interface CompilerOutput {
  readonly file: string;
  readonly text: string;
}

/**
 * What the compiler said of each file of kernels, built first if there is no library of these sources.
 *
 * @throws {NativeError} if the library cannot be built
 */
export async function compilerOutputs(): Promise<readonly CompilerOutput[]> {
  const library = await ensureLibrary({ device: "cuda" });
  const outputs = await readOutputs();
  if (outputs !== undefined) return outputs;
  // Only the library is left of the build.
  await Deno.remove(join(root, "build", "cmake-cuda"), { recursive: true }).catch(() => {});
  await Deno.remove(`${library}.sources`);
  await ensureLibrary({ device: "cuda" });
  return (await readOutputs())!;
}

async function readOutputs(): Promise<readonly CompilerOutput[] | undefined> {
  const folder = join(root, "build", "cmake-cuda", "CMakeFiles", "aerie_cuda.dir", "device");
  const files = [...Deno.readDirSync(join(root, "kernels", "cuda", "device"))]
    .map(({ name }) => name).filter((name) => name.endsWith(".cu")).sort();
  try {
    return await Promise.all(files.map(async (file) => ({
      file,
      text: await Deno.readTextFile(join(folder, `${file}.o.ptxas`)),
    })));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The kernels that ptxas compiled, for every device, by file and name. */
export async function kernelResources(
  outputs: readonly CompilerOutput[],
): Promise<readonly KernelResources[]> {
  const mangled = outputs.flatMap(({ file, text }) => {
    const kernels = text.split(/^ptxas info +: Compiling entry function /m).slice(1);
    return kernels.map((said) => resourcesOf(file, said));
  });
  const names = await demangle(mangled.map(({ kernel }) => kernel)), constants = enumerators();
  return mangled
    .map((resources, i) => ({ ...resources, kernel: shorten(names[i]!, constants) }))
    .sort((a, b) => compare(a.file, b.file) || compare(a.kernel, b.kernel) || compare(a.device, b.device));
}

/** What ptxas said of one kernel, from behind the words that begin it. */
function resourcesOf(file: string, said: string): KernelResources {
  const [, kernel, device] = /^'(\S+)' for '(\w+)'/.exec(said)!;
  const [, ofKernel] = said.split(`Function properties for ${kernel}\n`);
  const [, stack, stores, loads] =
    /^ +(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/
      .exec(ofKernel!)!;
  const [, registers] = /\bUsed (\d+) registers/.exec(ofKernel!)!;
  const [, shared] = /\b(\d+) bytes smem/.exec(ofKernel!) ?? [];
  return {
    kernel: kernel!,
    file,
    device: device!,
    registers: Number(registers),
    sharedBytes: Number(shared ?? 0),
    stackBytes: Number(stack),
    spillBytes: Number(stores) + Number(loads),
  };
}

async function demangle(names: readonly string[]): Promise<string[]> {
  const filter = new Deno.Command("c++filt", { stdin: "piped", stdout: "piped" }).spawn();
  const writer = filter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(names.join("\n") + "\n"));
  await writer.close();
  const { stdout } = await filter.output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

/** Names of the constants of each enumeration that begins at 0, as `UnitFormat`: [`f32`, `f16`, ...]. */
function enumerators(): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, readonly string[]>();
  for (const folder of ["core", "cuda", "cuda/device"]) {
    for (const { name } of Deno.readDirSync(join(root, "kernels", folder))) {
      if (!name.endsWith(".h")) continue;
      const source = Deno.readTextFileSync(join(root, "kernels", folder, name)).replaceAll(/\/\/.*/g, "");
      for (const [, type, body] of source.matchAll(/\benum class (\w+)[^{;]*\{([^}=]*)\}/g)) {
        named.set(
          type!,
          body!.split(",").map((constant) => constant.trim()).filter((constant) => constant !== ""),
        );
      }
    }
  }
  return named;
}

/** A demangled name without namespaces, result and parameters. */
function shorten(name: string, constants: ReadonlyMap<string, readonly string[]>): string {
  return name.replaceAll("aerie::cuda::", "").replaceAll("aerie::", "").replaceAll(
    "(anonymous namespace)::",
    "",
  )
    .replaceAll(
      /\((\w+)\)(\d+)/g,
      (_, type, value) => constants.get(type)?.[Number(value)] ?? `${type} ${value}`,
    )
    .replace(/^void /, "").replace(/\(.*$/, "");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The devices of the table: the oldest and Hopper, whose figures differ most. */
const TABLE_DEVICES = ["sm_80", "sm_90a"] as const;

/** The table of docs/cuda.md: a row per kernel, with a number per device in each cell. */
export function resourceTable(resources: readonly KernelResources[]): string[][] {
  const rows = new Map<string, KernelResources[]>();
  for (const one of resources) {
    if (!TABLE_DEVICES.some((device) => device === one.device)) continue;
    const key = `${one.file} ${one.kernel}`;
    rows.set(key, [...rows.get(key) ?? [], one]);
  }
  const columns = [
    ["registers", (one: KernelResources) => one.registers],
    ["shared memory", (one: KernelResources) => one.sharedBytes],
    ["stack", (one: KernelResources) => one.stackBytes],
    ["spills", (one: KernelResources) => one.spillBytes],
  ] as const;
  return [
    ["file", "kernel", ...columns.map(([name]) => name)],
    ...[...rows.values()].map((row) => [
      `\`${row[0]!.file}\``,
      `\`${row[0]!.kernel}\``,
      ...columns.map(([, valueOf]) => {
        const values = TABLE_DEVICES.map((device) => row.find((one) => one.device === device));
        return values.map((one) => one === undefined ? "-" : valueOf(one)).join(" / ");
      }),
    ]),
  ];
}

/** What docs/cuda.md says before the table; names the compiler, whose next version gives other numbers. */
export function resourceText(nvcc: string): string {
  return `Compiled by nvcc ${nvcc}, for ${
    TABLE_DEVICES.join(" / ")
  }: registers and bytes of stack and spills of a thread, ` +
    "bytes of shared memory that a block declares; what a launch adds is not in it.";
}

/** Version of the nvcc that builds the library, such as `13.0.88`. */
export function nvccVersion(): string {
  const { stdout } = new Deno.Command(findNvcc()!, { args: ["--version"] }).outputSync();
  return /\bV([\d.]+)/.exec(new TextDecoder().decode(stdout))![1]!;
}
