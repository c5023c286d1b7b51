/**
 * What speculation did, as answers show it.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { SpeculationUsage } from "../runtime/messages.ts";
import type { speculationFields } from "./schema.ts";

type Fields = {
  -readonly [Name in keyof typeof speculationFields]?: z.infer<(typeof speculationFields)[Name]>;
};

/** The counts of some generations together, under SGLang's names; nothing without speculation. */
export function toSpeculation(counts: readonly SpeculationUsage[]): Fields {
  if (counts.length === 0) return {};
  const sum = (count: (usage: SpeculationUsage) => number) =>
    counts.reduce((all, usage) => all + count(usage), 0);
  const numVerifications = sum((usage) => usage.numVerifications);
  const numAccepted = sum((usage) => usage.numAccepted), numProposed = sum((usage) => usage.numProposed);
  const depth = Math.max(...counts.map(({ acceptedHistogram }) => acceptedHistogram.length));
  return {
    "spec_verify_ct": numVerifications,
    "spec_accept_length": 1 + numAccepted / Math.max(1, numVerifications),
    "spec_accept_rate": numAccepted / Math.max(1, numProposed),
    "spec_num_correct_drafts": numAccepted,
    "spec_num_proposed_drafts": numProposed,
    "spec_correct_drafts_histogram": Array.from(
      { length: depth },
      (_, n) => sum(({ acceptedHistogram }) => acceptedHistogram[n] ?? 0),
    ),
  };
}
