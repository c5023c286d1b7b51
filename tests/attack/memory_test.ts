/**
 * Starts that memory cannot hold: one clear line, no kill. The control group is a real one where this machine lets us
 * make one.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { needsModel } from "../support/model_file.ts";
import { ServerProcess } from "../support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const flags = ["--model-path", modelPath];

/** Less than the default model needs, more than Deno does. */
const LIMIT_BYTES = 250 << 20;

const PARENTS = [
  { folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
  { folder: "/sys/fs/cgroup", limit: "memory.max" },
];

/** A group for children with a limit of memory; undefined where none can be made. */
function makeGroup(limitBytes: number): { readonly folder: string } & AsyncDisposable | undefined {
  for (const parent of PARENTS) {
    const folder = `${parent.folder}/aerie_test_${Deno.pid}`;
    try {
      Deno.mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      Deno.writeTextFileSync(`${folder}/${parent.limit}`, String(limitBytes), { create: false });
      return { folder, [Symbol.asyncDispose]: () => removeGroup(folder) };
    } catch {
      Deno.removeSync(folder);
    }
  }
  return undefined;
}

/** Waits for the last process in it: the server's children end a moment after the server. */
async function removeGroup(folder: string): Promise<void> {
  for (const deadline = Date.now() + 10_000;;) {
    try {
      return Deno.removeSync(folder);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Whether this machine lets its processes be put into groups. */
async function canMakeGroups(): Promise<boolean> {
  await using group = makeGroup(LIMIT_BYTES);
  return group !== undefined;
}

Deno.test({ name: "memory: a pool beyond what is free is refused by its flag", ignore }, async () => {
  const { code, log } = await ServerProcess.startAndFail([...flags, "--max-total-tokens", "1000000000"]);
  assert.match(
    log.trimEnd().split("\n").at(-1)!,
    /^Error: Cannot use --max-total-tokens 1000000000: needs \d{13,} bytes \(\d+\.\d\d GB\), \d+ bytes \(\d+\.\d\d GB\) are free/,
  );
  assert.equal(code, 1);
});

Deno.test(
  {
    name: "memory: a control group too small for the model is one line, not a kill",
    ignore: ignore || !await canMakeGroups(),
  },
  async () => {
    await using group = makeGroup(LIMIT_BYTES);
    const before = `echo $$ > ${group!.folder}/cgroup.procs`;
    const { code, log } = await ServerProcess.startAndFail(flags, { before });
    const last = log.trimEnd().split("\n").at(-1)!;
    const [, needed, free] =
      /^Error: Cannot load .*: needs (\d+) bytes \(.*\), (\d+) bytes .* are free in the control group, .*: .*--[a-z-]+ .* smaller$/
        .exec(last) ?? [];
    assert(Number(free) < LIMIT_BYTES, last);
    assert(Number(needed) > Number(free), last);
    assert.equal(code, 1);
  },
);
