/**
 * What the log says of the engine at start: sizes in effect, measured costs of speculation.
 *
 * @module
 */
import type { SchedulerConfig } from "../contracts/config.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { CostCurve, SpeculationConfig } from "../contracts/speculation_config.ts";
import { warnBeforehand } from "../speculation_policy/tree_worth.ts";
import type { ServerFacts } from "./server_info.ts";

/** The sizes in effect, for the log. */
export function capacityLine({ verifierConfig, verifierInfo, schedulerConfig }: ServerFacts): string {
  const { chunkedPrefillSize, maxPrefillTokens, maxRunningRequests, contextLength } = schedulerConfig;
  return `max_total_num_tokens=${verifierInfo.numPages * verifierConfig.pageSize}, ` +
    `chunked_prefill_size=${chunkedPrefillSize}, max_prefill_tokens=${maxPrefillTokens}, ` +
    `max_running_requests=${maxRunningRequests}, context_len=${contextLength}`;
}

/** Logs the measured costs, and a warning if they rule out that trees of the shape that flags have fixed pay. */
export function logSpeculation(
  speculation: SpeculationConfig,
  schedulerConfig: SchedulerConfig,
  log: (level: LogLevel, text: string) => void,
): void {
  for (const line of costLines(speculation, schedulerConfig)) log("info", line);
  // Heads and draft models grow whole trees; what is looked up may be smaller, and cost less.
  const isWhole = speculation.head !== undefined || speculation.draft !== undefined;
  const warning = isWhole && schedulerConfig.drafting && warnBeforehand(schedulerConfig.drafting);
  if (warning) log("warning", warning);
}

function costLines(
  { algorithm, numSteps, topk, numDraftTokens, adaptive }: SpeculationConfig,
  { drafting }: SchedulerConfig,
): string[] {
  if (drafting === undefined) return [];
  const { forwardMs, contextMs: { perSequence, perRow }, draftMs: { firstMs, levelMs, tokenMs } } = drafting;
  const curve = ({ sizes, ms }: CostCurve) =>
    sizes.map((size, i) => `${size}: ${ms[i]!.toFixed(2)}`).join(", ");
  return [
    `Speculative decoding. algorithm: ${algorithm}, num_steps: ${numSteps}, eagle_topk: ${topk}, ` +
    `num_draft_tokens: ${numDraftTokens}, ${adaptive ? "fewer where they do not pay" : "always"}`,
    `Forward cost by rows, ms: ${curve(forwardMs)}; for 1000 tokens of context ` +
    `${(1000 * perSequence).toFixed(2)} a sequence, ${(1000 * perRow).toFixed(2)} a row`,
    `Draft cost by sequences, ms: first level ${curve(firstMs)}; each further level ${curve(levelMs)}; ` +
    `for 1000 tokens it was not told ${(1000 * tokenMs).toFixed(1)}`,
  ];
}
