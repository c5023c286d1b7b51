/**
 * Counts of speculation, as answers show them.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { acceptLength, acceptRate, type SpeculationUsage } from "../../runtime/contracts/usage.ts";
import type { speculationFields } from "../schema/fields.ts";

type Fields = {
  -readonly [Name in keyof typeof speculationFields]?: z.infer<(typeof speculationFields)[Name]>;
};

/** The counts of some generations together, under SGLang's names; nothing without speculation. */
export function toSpeculation(counts: readonly SpeculationUsage[]): Fields {
  if (counts.length === 0) return {};
  const sum = (count: (usage: SpeculationUsage) => number) =>
    counts.reduce((all, usage) => all + count(usage), 0);
  const total = {
    numVerifications: sum((usage) => usage.numVerifications),
    numProposed: sum((usage) => usage.numProposed),
    numAccepted: sum((usage) => usage.numAccepted),
  };
  const depth = Math.max(...counts.map(({ acceptedHistogram }) => acceptedHistogram.length));
  return {
    "spec_verify_ct": total.numVerifications,
    "spec_accept_length": acceptLength(total),
    "spec_accept_rate": acceptRate(total),
    "spec_num_correct_drafts": total.numAccepted,
    "spec_num_proposed_drafts": total.numProposed,
    "spec_correct_drafts_histogram": Array.from(
      { length: depth },
      (_, n) => sum(({ acceptedHistogram }) => acceptedHistogram[n] ?? 0),
    ),
  };
}
