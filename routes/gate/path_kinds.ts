/**
 * Kinds of paths for middleware: open without a key, under any Host, or acting by a GET.
 *
 * @module
 */

/** Paths of probes, which answer without the API key and under any Host; their answers contain nothing about requests. */
export const PROBE_PATHS: readonly string[] = ["/health", "/v1/health", "/ready", "/ping", "/metrics"];

/**
 * Paths of pages, whose files everybody may have: a page asks its user for the key. They are not for any Host: under a
 * name that was made to resolve here, a foreign page could use the server as its own.
 */
export const PAGE_PATHS: readonly string[] = ["/", "/ui", "/docs", "/openapi.json"];

/** Whether a path asks for the API key. */
export function needsKey(path: string): boolean {
  // Files of pages lie below /ui/; /ui/ and /docs/ lead to the pages.
  const isOfPage = PAGE_PATHS.includes(path) || /^\/(ui\/[^/]*|docs\/)$/.test(path);
  return !isOfPage && !PROBE_PATHS.includes(path);
}

/** GET endpoints that do something. */
const ACTING_PATHS: readonly string[] = [
  "/flush_cache",
  "/health_generate",
  "/start_profile",
  "/stop_profile",
];

/** Endpoints that let what was begun end. */
const ENDING_PATHS = /^\/(abort_request|continue_generation|stop_profile|v1\/responses\/[^/]+\/cancel)$/;

/** Whether an endpoint lets what was begun end, so that it is served to the end. */
export function isEnding(path: string): boolean {
  return ENDING_PATHS.test(path);
}

/** True if a request acts, rather than reads. */
export function isActing(method: string, path: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS" || ACTING_PATHS.includes(path);
}
