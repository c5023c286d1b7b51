/**
 * What kernels read of weights, keys and values, counted by the simulator: each number once for as many rows as share
 * it.
 *
 * @module
 */
import { linearPrograms, opPrograms } from "../../support/sim_programs.ts";

Deno.test("cuda: linear reads its weights once for 1 to 64 rows", async () => {
  await linearPrograms.passSilently("checked", "linear_reads_weights_once_for_1_to_64_rows");
});

for (const device of ["sm_80", "sm_90"]) {
  Deno.test(`cuda: linear of many rows reads its weights once per 128 [${device}]`, async () => {
    await linearPrograms.passSilently("checked", "linear_reads_weights_once_per_128_rows", {
      AERIE_SIM_DEVICE: device,
    });
  });

  Deno.test(`cuda: attention reads keys and values once per 16 rows [${device}]`, async () => {
    for (const name of ["keys_and_values_are_read_once_per_16_rows", "keys_before_a_window_are_not_read"]) {
      await opPrograms.passSilently("checked", name, { AERIE_SIM_DEVICE: device });
    }
  });
}
