/**
 * The simulator in a library that another program opens, with kernels on threads that are not its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { simulatorPrograms } from "../../support/sim_programs.ts";

/** What `aerie_sim_report` writes. */
interface Report {
  readonly findings: readonly { readonly fault: string; readonly text: string }[];
  readonly counters: Readonly<Record<string, number>>;
}

Deno.test("sim: a library of kernels computes, reports and recovers", async () => {
  const library = Deno.dlopen(
    await simulatorPrograms.pathOf("libshared.so"),
    {
      double_and_add: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
      double_and_add_elsewhere: {
        name: "double_and_add",
        parameters: ["buffer", "buffer", "i32"],
        result: "i32",
        nonblocking: true,
      },
      run_neighbours: { parameters: ["bool"], result: "i32" },
      run_neighbours_elsewhere: {
        name: "run_neighbours",
        parameters: ["bool"],
        result: "i32",
        nonblocking: true,
      },
      aerie_sim_report: { parameters: ["buffer", "usize"], result: "usize" },
      aerie_sim_forget: { parameters: [], result: "void" },
      aerie_sim_set_schedule: { parameters: ["buffer"], result: "void" },
      aerie_sim_inject: { parameters: ["buffer", "u64", "i32"], result: "void" },
    } as const,
  );
  const { symbols } = library;
  try {
    const text = (value: string) => new TextEncoder().encode(`${value}\0`);
    const report = (): Report => {
      const bytes = new Uint8Array(Number(symbols.aerie_sim_report(null, 0n)));
      symbols.aerie_sim_report(bytes, BigInt(bytes.length));
      return JSON.parse(new TextDecoder().decode(bytes.subarray(0, -1)));
    };
    const x = Int32Array.from({ length: 1000 }, (_, i) => i), expected = x.map((value) => 2 * value + 1);
    for (const schedule of ["forward", "reverse", "5"]) {
      symbols.aerie_sim_set_schedule(text(schedule));
      const outs = [new Int32Array(1000), new Int32Array(1000), new Int32Array(1000)] as const;
      const elsewhere = outs.slice(1).map((out) => symbols.double_and_add_elsewhere(x, out, 1000));
      assert.equal(symbols.double_and_add(x, outs[0], 1000), 0);
      assert.deepEqual(await Promise.all(elsewhere), [0, 0]);
      // Shared memory is another one on another thread.
      assert.equal(symbols.run_neighbours(false), 0);
      assert.equal(await symbols.run_neighbours_elsewhere(false), 0);
      assert.equal(symbols.run_neighbours(false), 0);
      for (const out of outs) assert.deepEqual(out, expected);
    }
    assert.equal(report().counters.launches, 18);
    assert.equal(symbols.run_neighbours(true), 719);
    const [finding] = report().findings;
    assert.equal(finding!.fault, "race");
    assert.match(finding!.text, /^kernel neighbour, .* of shared values at faults.cu:\d+, which thread/);
    // The device has failed until it is told to forget.
    assert.equal(symbols.double_and_add(x, new Int32Array(1000), 1000), 719);
    symbols.aerie_sim_forget();
    assert.deepEqual(report().findings, []);
    symbols.aerie_sim_inject(text("cudaFree"), 1n, 999);
    assert.equal(symbols.double_and_add(x, new Int32Array(1000), 1000), 999);
    assert.equal(symbols.double_and_add(x, new Int32Array(1000), 1000), 0);
  } finally {
    library.close();
  }
});
