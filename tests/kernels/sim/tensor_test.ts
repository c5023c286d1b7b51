/**
 * Tensor cores, conversions and asynchronous copies of the simulator, against what PyPI's mmasim computes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { simulatorPrograms } from "../../support/sim_programs.ts";

const BUILDS = ["plain", "checked"] as const;
const DEVICES = ["sm_80", "sm_90"];
const TILE_BYTES = 2304;
/** Results of a tile, straight and through shared memory. */
const RESULTS_PER_TILE = 2 * 128;

const sample = z.object({ bf16: z.string(), f16: z.string() });

for (const build of BUILDS) {
  Deno.test(`sim: mma equals the record of mmasim, bit for bit [${build}]`, async () => {
    const text = await Deno.readTextFile(join(import.meta.dirname!, "mma_sample.json"));
    const { bf16, f16 } = sample.parse(JSON.parse(text));
    const tiles = Uint8Array.from([...atob(bf16), ...atob(f16)], (character) => character.charCodeAt(0));
    const folder = await Deno.makeTempDir();
    try {
      const path = join(folder, "tiles");
      await Deno.writeFile(path, tiles);
      const numResults = tiles.length / TILE_BYTES * RESULTS_PER_TILE;
      assert.ok(numResults > 5000);
      for (const device of DEVICES) {
        const env = { AERIE_SIM_DEVICE: device, AERIE_SIM_SEED: "4", AERIE_TILES: path };
        assert.deepEqual(await simulatorPrograms.pass(build, "tiles_equal_the_record", env), [
          `${numResults} results are equal`,
        ]);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`sim: 16-bit floats round to even [${build}]`, async () => {
    await simulatorPrograms.pass(build, "conversions_round_to_even");
  });
}

Deno.test("sim: a product's bits depend on the device and on nothing else", async () => {
  const bits = new Map<string, Set<string>>();
  for (const device of DEVICES) {
    bits.set(device, new Set());
    for (const build of BUILDS) {
      for (const schedule of ["forward", "reverse", "1", "2"]) {
        const env = { AERIE_SIM_DEVICE: device, AERIE_SIM_SEED: schedule };
        const [line] = await simulatorPrograms.pass(build, "product_does_not_depend_on_other_rows", env);
        bits.get(device)!.add(line!);
      }
    }
    assert.equal(bits.get(device)!.size, 1, device);
  }
  assert.notDeepEqual(bits.get("sm_80"), bits.get("sm_90"));
});
