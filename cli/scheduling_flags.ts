/**
 * The flags that choose the order of requests and the size of a step.
 *
 * @module
 */
import { z } from "zod";
import type { ServerArgs } from "../runtime/contracts/server_args.ts";
import { type FlagOf, oneOf, tokenCount } from "./flag_values.ts";

const POLICIES = ["fcfs", "lpm"] as const;
/** SGLang's policies that are not built here. */
const OTHER_POLICIES = [
  "random",
  "dfs-weight",
  "lof",
  "priority",
  "routing-key",
  "hrrn",
  "shortest-prefill-first",
] as const;

const aFactor = "expected a number of at least 0";

/** See `flagSchema`. */
export const schedulingSchema = {
  schedulePolicy: oneOf(...POLICIES, ...OTHER_POLICIES).refine(
    (policy): policy is typeof POLICIES[number] => POLICIES.some((known) => known === policy),
    "that policy of SGLang's is not built, expected fcfs or lpm",
  ).default("fcfs"),
  scheduleConservativeness: z.string().regex(/^(\d+(\.\d*)?|\.\d+)$/, aFactor).transform(Number).default(1),
  maxPrefillTokens: tokenCount.default(16384),
};

/** See `flagGroups`. */
export const schedulingFlags: readonly FlagOf<keyof typeof schedulingSchema>[] = [
  {
    name: "schedulePolicy",
    flags: "--schedule-policy <policy>",
    help:
      "Who of those waiting is next: fcfs, first come, or lpm, whose prefix is longest in the radix cache",
  },
  {
    name: "scheduleConservativeness",
    flags: "--schedule-conservativeness <factor>",
    help: "Multiplies the share of the tokens still to come for which pages are kept free",
  },
  {
    name: "maxPrefillTokens",
    flags: "--max-prefill-tokens <tokens>",
    help: "Prompt tokens of several sequences in one forward at most; a single one is not bound by it",
  },
];

/** What the log says of a policy that another flag leaves nothing to go by. */
export function policyNote(
  { schedulePolicy, disableRadixCache }: Pick<ServerArgs, "schedulePolicy" | "disableRadixCache">,
): string | undefined {
  return schedulePolicy === "lpm" && disableRadixCache
    ? "--schedule-policy lpm is fcfs with --disable-radix-cache: there are no prefixes to match"
    : undefined;
}
