/**
 * Makes the draft policy that a configuration asks for.
 *
 * @module
 */
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { AdaptivePolicy } from "./adaptive.ts";
import type { DraftPolicy } from "../contracts/draft_policy.ts";
import { FixedPolicy } from "./fixed.ts";

/** Creates a policy in its initial state; undefined without speculation. */
export function createPolicy(config: DraftingConfig | undefined): DraftPolicy | undefined {
  if (config === undefined) return undefined;
  return config.adaptive ? new AdaptivePolicy(config) : new FixedPolicy(config);
}
