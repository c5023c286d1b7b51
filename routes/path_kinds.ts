/**
 * The paths that probes ask, which carry neither a key nor a name they were told.
 *
 * @module
 */

/** Paths that answer without the API key and under any Host; they tell nothing about requests. */
export const OPEN_PATHS: readonly string[] = ["/health", "/v1/health", "/ready", "/ping", "/metrics"];
