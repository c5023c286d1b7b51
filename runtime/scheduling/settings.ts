/**
 * Settings that change while the scheduler runs.
 *
 * @module
 */
import type { SchedulerConfig } from "../contracts/config.ts";
import type { SchedulerSettings } from "../contracts/scheduler_settings.ts";

/**
 * The configuration with new settings. What is running or waiting already stays, even where there is now more of it than
 * may be.
 */
export function withSettings(config: SchedulerConfig, settings: SchedulerSettings): SchedulerConfig {
  const changed: Record<string, unknown> = { ...config, ...settings };
  for (const name of ["maxQueuedPerClient", "maxQueuedTokens", "maxStepMs"] as const) {
    if (settings[name] === -1) delete changed[name];
  }
  return changed as unknown as SchedulerConfig;
}
