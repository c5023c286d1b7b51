/**
 * Fields that OpenAI's chat and Responses have beside what they ask for: keys of the prefix cache, and labels without effect.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import { cacheKeyField, label, optional } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";

/** Keys of the prefix cache, for endpoints that take one prompt. */
export const cacheKeyFields = {
  cache_salt: optional(cacheKeyField).describe("Prefixes are shared only by requests with the same value"),
  extra_key: optional(cacheKeyField).describe("The same, beside cache_salt"),
};

/** Labels that change nothing here. */
export const openaiLabels = {
  safety_identifier: label.describe("Who asks; without effect"),
  prompt_cache_key: label.describe("Without effect: all prefixes are cached"),
  prompt_cache_retention: optional(z.enum(["in_memory", "in-memory", "24h"])).describe(
    "Without effect: prefixes are cached while there is room",
  ),
  prompt_cache_options: optional(strictFields({
    mode: optional(z.enum(["implicit", "explicit"])),
    ttl: optional(z.string().max(16)),
  })).describe("Without effect: prefixes are cached while there is room"),
  service_tier: label.describe("Without effect: all requests have the same"),
};
