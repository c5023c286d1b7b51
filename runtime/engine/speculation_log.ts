/**
 * What the log says of speculation at start.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import { warnBeforehand } from "../scheduling/fixed_tree.ts";
import { costLines } from "./server_info.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";

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
