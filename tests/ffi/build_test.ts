/**
 * Building the native library: when, once, and what is said if it cannot be.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ensureLibrary } from "../../ffi/build.ts";
import { NativeError } from "../../ffi/error.ts";

const CMAKE = `cmake_minimum_required(VERSION 3.20)
project(tiny CXX)
option(AERIE_SANITIZE "" OFF)
add_library(aerie SHARED tiny.cpp)
`;

/** A house with a library of one function, removed at the end of the scope. */
class TinyHouse implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "aerie-build-" });

  constructor() {
    Deno.mkdirSync(join(this.root, "kernels"));
    this.write("CMakeLists.txt", CMAKE);
    this.write("tiny.cpp", sourceOf(1));
  }

  write(name: string, content: string): void {
    Deno.writeTextFileSync(join(this.root, "kernels", name), content);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

function sourceOf(answer: number): string {
  return `extern "C" int answer() { return ${answer}; }\n`;
}

/** Calls the library's function. */
function answerOf(path: string): number {
  using library = opened(path);
  return library.symbols.answer();
}

function opened(path: string) {
  const library = Deno.dlopen(path, { answer: { parameters: [], result: "i32" } });
  return { symbols: library.symbols, [Symbol.dispose]: () => library.close() };
}

Deno.test("ensureLibrary: builds at first, then only when a source changed", async () => {
  using house = new TinyHouse();
  const said: string[] = [];
  const options = { root: house.root, onProgress: (text: string) => said.push(text) };
  const path = await ensureLibrary(options);
  assert.equal(path, join(house.root, "build", "libaerie.so"));
  assert.equal(answerOf(path), 1);
  assert(said.length > 0);

  said.length = 0;
  assert.equal(await ensureLibrary(options), path);
  assert.deepEqual(said, [], "nothing changed, nothing is built");

  using old = opened(path);
  house.write("tiny.cpp", sourceOf(2));
  await ensureLibrary(options);
  assert(said.length > 0);
  assert.equal(old.symbols.answer(), 1, "a library in use stays what it was");
  Deno.copyFileSync(path, join(house.root, "copy.so"));
  assert.equal(answerOf(join(house.root, "copy.so")), 2);
});

Deno.test("ensureLibrary: starts at the same time build once", async () => {
  using house = new TinyHouse();
  let numBuilds = 0;
  const onProgress = (text: string) => numBuilds += text.endsWith(" 0%") ? 1 : 0;
  // Who names the default device means the same library.
  const starts = [{}, {}, { device: "cpu" } as const];
  const paths = await Promise.all(
    starts.map((start) => ensureLibrary({ root: house.root, onProgress, ...start })),
  );
  assert.equal(new Set(paths).size, 1);
  assert.equal(numBuilds, 1);
  assert.equal(answerOf(paths[0]!), 1);
});

Deno.test("ensureLibrary: a library that is not what was built is built anew", async () => {
  using house = new TinyHouse();
  const path = await ensureLibrary({ root: house.root }), whole = Deno.readFileSync(path);
  const changed = whole.slice();
  changed[0] = 0;
  for (const damaged of [whole.subarray(0, 5000), changed, new Uint8Array(0)]) {
    // Both copies, as a full disk leaves them.
    for (const copy of [path, join(house.root, "build", "cmake", "libaerie.so")]) {
      Deno.removeSync(copy);
      Deno.writeFileSync(copy, damaged);
    }
    assert.equal(await ensureLibrary({ root: house.root }), path);
    const copy = join(house.root, `copy-${damaged.length}-${damaged[0]}.so`);
    Deno.copyFileSync(path, copy);
    assert.equal(answerOf(copy), 1);
  }
});

Deno.test("ensureLibrary: a full disk is named", async () => {
  using house = new TinyHouse();
  const bin = join(house.root, "bin");
  Deno.mkdirSync(bin);
  // Files of more than 8 blocks of 512 bytes cannot be written: compilers and linkers fail as on a full disk.
  const script = `#!/bin/sh\nulimit -f 8 && exec ${whereIs("cmake")} "$@"\n`;
  Deno.writeTextFileSync(join(bin, "cmake"), script, { mode: 0o755 });
  const build = new Deno.Command(Deno.execPath(), {
    args: ["eval", BUILD_AND_REPORT, house.root],
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
    cwd: join(import.meta.dirname!, "..", ".."),
  });
  const { stdout } = await build.output();
  assert.match(
    new TextDecoder().decode(stdout),
    /^NativeError: Cannot build the native library: [^\n]*(file size limit exceeded|no space left|file too large)[^\n]*\n$/i,
  );
});

Deno.test("ensureLibrary: a source that does not compile shows what the compiler said, and the next try builds", async () => {
  using house = new TinyHouse();
  house.write("tiny.cpp", "int broken = no_such_name;\n");
  await assert.rejects(ensureLibrary({ root: house.root }), (error) => {
    assert(error instanceof NativeError);
    assert.equal(error.code, "cannot_build");
    assert.match(error.message, /^Cannot build the native library: /);
    assert.match(error.message, /no_such_name/);
    return true;
  });
  house.write("tiny.cpp", sourceOf(3));
  assert.equal(answerOf(await ensureLibrary({ root: house.root })), 3);
});

Deno.test("ensureLibrary: a house that was moved is built anew", async () => {
  using house = new TinyHouse();
  await ensureLibrary({ root: house.root });
  using moved = new TinyHouse();
  Deno.renameSync(join(house.root, "build"), join(moved.root, "build"));
  moved.write("tiny.cpp", sourceOf(4));
  assert.equal(answerOf(await ensureLibrary({ root: moved.root })), 4);
});

Deno.test("ensureLibrary: missing tools are named with the packages that have them", async () => {
  for (const tools of [[], ["cmake"], ["cmake", "make"]]) {
    using house = new TinyHouse();
    const bin = join(house.root, "bin");
    Deno.mkdirSync(bin);
    for (const tool of tools) Deno.symlinkSync(whereIs(tool), join(bin, tool));
    const build = new Deno.Command(Deno.execPath(), {
      args: ["eval", BUILD_AND_REPORT, house.root],
      env: { PATH: bin, CXX: "", CC: "" },
      cwd: join(import.meta.dirname!, "..", ".."),
    });
    const { stdout } = await build.output();
    const report = new TextDecoder().decode(stdout);
    assert.match(
      report,
      /^NativeError: Cannot build the native library: [^\n]*g\+\+ cmake make\n$/,
      tools.join(),
    );
  }
});

const BUILD_AND_REPORT = `
  import { ensureLibrary } from "./ffi/build.ts";
  await ensureLibrary({ root: Deno.args[0] }).catch((error) => console.log(error.name + ": " + error.message));
`;

function whereIs(tool: string): string {
  const folder = Deno.env.get("PATH")!.split(":").find((folder) => {
    try {
      return Deno.statSync(join(folder, tool)).isFile;
    } catch {
      return false;
    }
  });
  assert(folder !== undefined, `${tool} is needed by this test`);
  return join(folder, tool);
}
