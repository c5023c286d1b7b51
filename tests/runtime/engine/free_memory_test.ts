import assert from "node:assert/strict";
import { readFreeMemory } from "../../../runtime/engine/free_memory.ts";

const HOST = 8_000_000_000;

/** Free memory of a machine with these files. */
function freeWith(files: Readonly<Record<string, string>>) {
  return readFreeMemory({ hostBytes: () => HOST, readText: (path) => files[path] });
}

Deno.test("without a limit the host's memory is free", () => {
  const host = { bytes: HOST, boundBy: "host" };
  assert.deepEqual(freeWith({}), host);
  assert.deepEqual(
    freeWith({
      "/proc/self/cgroup": "0::/user.slice\n",
      "/sys/fs/cgroup/user.slice/memory.max": "max\n",
      "/sys/fs/cgroup/user.slice/memory.current": "5\n",
    }),
    host,
  );
  assert.deepEqual(
    freeWith({
      "/proc/self/cgroup": "4:memory:/\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n",
    }),
    host,
  );
});

Deno.test("of a control group what is left counts, its file cache not", () => {
  assert.deepEqual(
    freeWith({
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/memory.max": "1000\n",
      "/sys/fs/cgroup/a/memory.current": "900\n",
      "/sys/fs/cgroup/a/memory.stat": "anon 300\ninactive_file 500\nactive_file 100\n",
      "/sys/fs/cgroup/a/b/memory.max": "700\n",
      "/sys/fs/cgroup/a/b/memory.current": "50\n",
    }),
    { bytes: 600, boundBy: "cgroup" },
    "the group above is the tighter one",
  );
  assert.deepEqual(
    freeWith({
      "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/12ab\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "400\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "450\n",
      "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 10\n",
    }),
    { bytes: 0, boundBy: "cgroup" },
    "in a container the path is the host's and only the mount is there",
  );
});
