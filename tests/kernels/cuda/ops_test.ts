/**
 * The CUDA backend's ops on the simulator: against float64 and, bit for bit, whatever stands beside a row.
 *
 * @module
 */
import { opPrograms, SCHEDULES } from "../../support/sim_programs.ts";

/** Functions of one number, which no kernel calls there. */
const FUNCTIONS = [
  "exp_is_within_its_bound",
  "tanh_is_within_its_bound",
  "log_is_within_its_bound",
  "log_of_doubles_is_within_its_bound",
  "sine_and_cosine_are_the_cpu_library_s_but_for_rounding",
];

const ROW_OPS = [
  "rms_norm_agrees_with_float64",
  "rms_norm_runs_in_place_and_without_a_batch",
  "group_norm_agrees_with_float64",
  "numbers_are_added_scaled_and_capped",
  "add_bias_adds_in_place",
  "silu_mul_agrees_with_float64",
  "gelu_mul_agrees_with_float64",
  "silu_mul_takes_numbers_that_are_none",
  "rows_of_nan_stay_alone",
  "outputs_are_gathered",
  "rows_are_gathered_from_columns_of_any_type",
  "rows_are_stored_at_slots_rounded_to_nearest_even",
  "angles_and_rotation_agree_with_float64",
  "keys_and_values_are_stored_at_slots",
  "keys_are_stored_as_they_are_rotated",
  "rows_are_copied_one_after_another",
  "slots_are_copied_one_after_another",
];

Deno.test("cuda: exp, tanh, logs, sine and cosine keep their bounds", async () => {
  for (const name of FUNCTIONS) await opPrograms.passSilently("plain", name);
});

for (const schedule of SCHEDULES) {
  Deno.test(`cuda: ops of rows [checked, ${schedule}]`, async () => {
    for (const name of ROW_OPS) await opPrograms.passSilently("checked", name, { AERIE_SIM_SEED: schedule });
  });
}

Deno.test("cuda: ops of rows [plain]", async () => {
  for (const name of ROW_OPS) await opPrograms.passSilently("plain", name);
});
