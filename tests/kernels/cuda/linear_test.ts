/**
 * Linear, experts and embedding of the CUDA backend, run by the simulator: against float64, and bit for bit between numbers of
 * rows.
 *
 * @module
 */
import { linearPrograms, SCHEDULES } from "../../support/sim_programs.ts";

const DEVICES = ["sm_80", "sm_90"];

/** Cases whose accesses are checked under every schedule. */
const CASES = [
  "linear_bf16_agrees",
  "linear_f16_agrees",
  "linear_f32_agrees",
  "linear_of_several_sources_agrees",
  "linear_adds_the_residual",
  "linear_follows_outputs_and_slices",
  "linear_keeps_nan_and_infinity_in_their_rows",
  "linear_keeps_nan_and_infinity_in_their_columns",
  "linear_adds_the_bias",
  "linear_multiplies_by_the_gate",
  "linear_of_many_rows_f16",
  "linear_of_many_rows_f32",
  "linear_of_many_rows_int8",
  "linear_q4_0_agrees",
  "linear_q4_1_agrees",
  "linear_q5_0_agrees",
  "linear_q5_1_agrees",
  "linear_q8_0_agrees",
  "linear_q4_k_agrees",
  "linear_q5_k_agrees",
  "linear_q6_k_agrees",
  "linear_int8_agrees",
  "linear_of_several_formats_agrees",
  "linear_quantized_keeps_nan_and_infinity_in_their_rows",
  "experts_multiply_the_rows_that_are_routed_to_them",
  "embedding_reads_rows",
  "embedding_reads_quantized_rows",
];

/** Too many launches, or too large ones, to check their accesses. */
const LONG_CASES = [
  "linear_rows_keep_their_bits",
  "linear_quantized_rows_keep_their_bits",
  "linear_of_many_rows_bf16",
  "linear_of_many_rows_q4",
  "linear_of_many_rows_q5",
  "linear_of_many_rows_q6",
  "linear_of_many_rows_of_several_formats",
];

for (const name of CASES) {
  Deno.test(`cuda: ${name.replaceAll("_", " ")}`, async () => {
    for (const [i, schedule] of SCHEDULES.entries()) {
      await linearPrograms.passSilently("checked", name, {
        AERIE_SIM_SEED: schedule,
        AERIE_SIM_DEVICE: DEVICES[i % 2]!,
      });
    }
    for (const device of DEVICES) {
      await linearPrograms.passSilently("plain", name, { AERIE_SIM_DEVICE: device });
    }
  });
}

for (const name of LONG_CASES) {
  Deno.test(`cuda: ${name.replaceAll("_", " ")}`, async () => {
    for (const device of DEVICES) {
      await linearPrograms.passSilently("plain", name, { AERIE_SIM_SEED: "3", AERIE_SIM_DEVICE: device });
    }
  });
}
