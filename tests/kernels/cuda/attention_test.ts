/**
 * The CUDA backend's attention on the simulator: against float64, and bit for bit whatever chunks, pages, trees and
 * neighbours there are.
 *
 * @module
 */
import { opPrograms, SCHEDULES } from "../../support/sim_programs.ts";

const SHORT = [
  "attention_in_short_agrees_with_float64",
  "attention_to_no_rows_writes_nothing",
  "attention_keeps_numbers_that_are_none_to_their_rows",
  "attention_takes_scores_far_below_zero",
];

const LONG = [
  "attention_to_prompts_agrees_with_float64",
  "attention_to_trees_agrees_with_float64",
  "attention_takes_all_widths_and_types",
  "attention_in_windows_agrees_with_float64",
];

const LAWS = [
  "attention_is_the_same_in_any_chunks",
  "attention_is_the_same_on_any_pages_beside_anyone",
  "attention_is_the_same_in_any_order_of_blocks",
  "a_tree_is_the_same_as_straight_decoding",
  "attention_in_windows_is_the_same_however_rows_come",
  "a_tree_in_a_window_is_the_same_as_straight_decoding",
  "attention_in_windows_keeps_numbers_that_are_none_before_them",
];

for (const schedule of SCHEDULES) {
  Deno.test(`cuda: attention [checked, ${schedule}]`, async () => {
    for (const name of SHORT) await opPrograms.passSilently("checked", name, { AERIE_SIM_SEED: schedule });
  });
}

// Their arithmetic is the same, what a block's shared memory holds is not.
for (const device of ["sm_80", "sm_90"]) {
  Deno.test(`cuda: attention of all shapes [${device}]`, async () => {
    for (const name of [...SHORT, ...LONG]) {
      await opPrograms.passSilently("plain", name, { AERIE_SIM_DEVICE: device });
    }
  });
}

Deno.test("cuda: attention gives the same bits whatever stands beside a row", async () => {
  for (const name of LAWS) await opPrograms.passSilently("plain", name);
});
