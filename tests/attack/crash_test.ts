/**
 * What a process leaves behind that dies in the native library, and that faults elsewhere go where they always went.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ensureLibrary } from "../../ffi/build.ts";
import { isSimulatorBuilt } from "../support/cuda_sim.ts";
import { needsModel } from "../support/model_file.ts";
import { ServerProcess } from "../support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const root = join(import.meta.dirname!, "..", "..");
const script = join(root, "tests", "support", "crashing.ts");
const SIGSEGV = 11, SIGABRT = 6, SIGBUS = 7;

/** Runs a program to its end. */
async function run(program: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

const crash = (how: string, device = "cpu") => run(Deno.execPath(), ["run", "-A", script, how, device]);

Deno.test("crash: a fault in the library is one line that names what ran, then the signal", async () => {
  const cases = [
    ["pointer", SIGSEGV, /SIGSEGV .*, address 0x8: call aerie_tensor_write, native thread 0$/],
    [
      "op",
      SIGSEGV,
      /SIGSEGV .* at libaerie\.so\+0x\w+, .*: linear \[4096 to 1024\] \(op 1 of 1\), forward 2, call aerie_graph_launch, native thread [01]$/,
    ],
    ["file", SIGBUS, /SIGBUS .*: call aerie_weight_pack, native thread [01]$/],
  ] as const;
  for (const [how, signal, expected] of cases) {
    const { code, stderr } = await crash(how);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0]!, /^Cannot go on: /);
    assert.match(lines[0]!, expected);
    assert.equal(code, 128 + signal, how);
  }
});

for (const [device, name] of [["cpu", "libaerie"], ["cuda-sim", "libaerie_cuda_sim"]] as const) {
  Deno.test({
    name: `crash: the line names the library [${device}]`,
    ignore: device !== "cpu" && !isSimulatorBuilt,
    fn: async () => {
      const { code, stderr } = await crash("result", device);
      assert.match(
        stderr,
        new RegExp(
          `^Cannot go on: SIGSEGV [^\\n]* at ${name}\\.so\\+0x\\w+, address 0x8: call aerie_context_create, `,
        ),
      );
      assert.equal(code, 128 + SIGSEGV);
    },
  });
}

Deno.test("crash: faults outside the library go where they went without it", async () => {
  const outside = await crash("outside");
  assert.deepEqual(outside, { code: 128 + SIGSEGV, stdout: "", stderr: "" });
  assert.deepEqual(await crash("none"), { code: 0, stdout: "alive\n", stderr: "" });
});

Deno.test("crash: handlers that were there before are called, once per fault", async () => {
  const library = await ensureLibrary();
  const folder = await Deno.makeTempDir();
  try {
    const program = join(folder, "handlers"),
      source = join(root, "tests", "kernels", "native", "handlers.cpp");
    const include = `-I${join(root, "kernels", "include")}`, rpath = `-Wl,-rpath,${join(library, "..")}`;
    const built = await run("g++", ["-std=c++20", "-O1", include, source, "-o", program, library, rpath]);
    assert.equal(built.code, 0, built.stderr);
    const { code, stdout, stderr } = await run(program, []);
    assert.equal(stdout, "outside: 3\ninside: 4\n");
    assert.match(stderr, /^Cannot go on: SIGSEGV [^\n]*call aerie_tensor_write[^\n]*\n$/);
    assert.equal(code, 0);
    const aborted = await run(program, ["abort"]);
    assert.match(aborted.stderr, /^Cannot go on: SIGABRT [^\n]*call aerie_graph_launch[^\n]*\n$/);
    assert.equal(aborted.code, 128 + SIGABRT);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "crash: a server that dies while it decodes says where",
  ignore: ignore || Deno.build.arch !== "x86_64",
}, async () => {
  const flags = ["--model-path", modelPath, "--context-length", "2048", "--skip-server-warmup"];
  await using server = await ServerProcess.start(flags);
  const body = JSON.stringify({ text: "Once upon a time", sampling_params: { max_new_tokens: 8 } });
  const generate = () =>
    fetch(`${server.url}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
  assert.equal((await (await generate()).json()).meta_info.completion_tokens, 8);
  await breakOp(server.pid, /::attention\(/);
  await assert.rejects(generate);
  const { code, log } = await server.exit;
  assert.match(
    log.trimEnd().split("\n").at(-1)!,
    /^Cannot go on: SIGSEGV in the native library at libaerie\.so\+0x\w+, address 0x0: attention \(op \d+ of \d+, layer 0\), forward \d+, call aerie_graph_launch, native thread \d+$/,
  );
  assert.equal(code, 128 + SIGSEGV);
});

/** Replaces the first instruction of an op in the memory of a running process by a read of address 0. */
async function breakOp(pid: number, name: RegExp): Promise<void> {
  const library = await ensureLibrary();
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n");
  const [base] = maps.find((line) => line.endsWith(library))!.split("-");
  const { stdout } = await run("nm", ["-C", library]);
  const symbols = stdout.split("\n").filter((line) => / [tT] /.test(line) && name.test(line));
  assert(symbols.length > 0, `nm ${library} shows no ${name}`);
  using memory = await Deno.open(`/proc/${pid}/mem`, { write: true });
  for (const symbol of symbols) {
    const address = BigInt(`0x${base}`) + BigInt(`0x${symbol.split(" ")[0]}`);
    await memory.seek(address, Deno.SeekMode.Start);
    await memory.write(Uint8Array.of(0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0));
  }
}
