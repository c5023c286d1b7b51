/**
 * Which generations may share the KV of a prefix: those with the same `cache_salt` and `extra_key`.
 *
 * @module
 */
import type { GenerationRequest } from "../../runtime/contracts/generation.ts";
import { perPrompt } from "./prompt.ts";

/** The fields of a request, one value for all prompts or one each; absent and empty ones separate no requests. */
export interface CacheKeyFields {
  readonly "cache_salt"?: string | readonly string[] | undefined;
  readonly "extra_key"?: string | readonly string[] | undefined;
}

/**
 * Cache keys by prompt: generations with the same key share a prefix's KV.
 *
 * @throws {InvalidRequestError} if a list does not fit the batch
 */
export function cacheKeysOf(
  { cache_salt: salt = "", extra_key: extra = "" }: CacheKeyFields,
  numPrompts: number,
): Pick<GenerationRequest, "cacheKey">[] {
  const salts = perPrompt(salt, numPrompts, "cache_salt");
  const keys = perPrompt(extra, numPrompts, "extra_key");
  return salts.map((salt, i) => {
    const key = keys[i]!;
    return salt === "" && key === "" ? {} : { cacheKey: JSON.stringify([salt, key]) };
  });
}
