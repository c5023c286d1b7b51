/**
 * Free memory as the CPU backend reads it, from files of hosts and control groups of other machines.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";

const KERNELS = join(import.meta.dirname!, "..", "..", "kernels");
const HOST = 8_000_000 * 1024, TOTAL = 9_000_000 * 1024;

async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

const folder = await Deno.makeTempDir(), program = join(folder, "free_memory");
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
await output(
  "g++",
  ...["-std=c++20", `-I${KERNELS}`, join(KERNELS, "cpu", "free_memory.cpp")],
  ...[join(import.meta.dirname!, "native", "free_memory.cpp"), "-o", program],
);

/** Free and total bytes of a machine with these files. */
async function memoryWith(files: Readonly<Record<string, string>>): Promise<number[]> {
  const root = await Deno.makeTempDir({ dir: folder });
  const all = {
    "/proc/meminfo": "MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
  return (await output(program, root)).trim().split(" ").map(Number);
}

Deno.test("without a limit the host's memory is free", async () => {
  assert.deepEqual(await memoryWith({}), [HOST, TOTAL]);
  assert.deepEqual(
    await memoryWith({
      "/proc/self/cgroup": "0::/user.slice\n",
      "/sys/fs/cgroup/user.slice/memory.max": "max\n",
      "/sys/fs/cgroup/user.slice/memory.current": "5\n",
    }),
    [HOST, TOTAL],
  );
  assert.deepEqual(
    await memoryWith({
      "/proc/self/cgroup": "4:memory:/\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n",
    }),
    [HOST, TOTAL],
  );
});

Deno.test("of a control group what is left counts, its file cache not", async () => {
  assert.deepEqual(
    await memoryWith({
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/memory.max": "1000\n",
      "/sys/fs/cgroup/a/memory.current": "900\n",
      "/sys/fs/cgroup/a/memory.stat": "anon 300\ninactive_file 500\nactive_file 100\n",
      "/sys/fs/cgroup/a/b/memory.max": "700\n",
      "/sys/fs/cgroup/a/b/memory.current": "50\n",
    }),
    [600, 700],
    "the group above is the tighter one",
  );
  assert.deepEqual(
    await memoryWith({
      "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/12ab\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "400\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "450\n",
      "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 10\n",
    }),
    [0, 400],
    "in a container the path is the host's and only the mount is there",
  );
});
