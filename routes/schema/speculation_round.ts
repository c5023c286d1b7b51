/**
 * Schema of verification rounds, which generating endpoints add to their answers when asked to.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { MAX_DRAFT_TOKENS } from "../../runtime/contracts/speculation_config.ts";

const roundToken = z.object({
  id: z.int(),
  /** What the token adds to the text: all texts of all rounds joined are the text of the answer. */
  text: z.string(),
  /** `accepted`: drafted, and drawn by the model too. `bonus`: drawn by the model behind these. `plain`: without drafts. */
  origin: z.enum(["accepted", "bonus", "plain"]),
});

const roundTree = z.object({
  /** Token of each node; parents precede children. */
  tokens: z.array(z.int()).max(MAX_DRAFT_TOKENS),
  texts: z.array(z.string()).max(MAX_DRAFT_TOKENS),
  /** Index of each node's parent; -1 is the token before the round, the root. */
  parents: z.array(z.int()).max(MAX_DRAFT_TOKENS),
  /** The drafter's estimate that the node is reached and accepted: the product along its path. */
  probabilities: z.array(z.number()).max(MAX_DRAFT_TOKENS),
});

/** One step of a generation: its tokens and the draft tree they come from. */
export const speculationRound = z.object({
  tokens: z.array(roundToken).max(MAX_DRAFT_TOKENS),
  /** Null in a plain step. */
  tree: roundTree.nullable(),
  /** Accepted nodes in the order of their path. */
  accepted: z.array(z.int()).max(MAX_DRAFT_TOKENS),
  /** From the plan of the step until the drafts were there; 0 if none were made. */
  draft_ms: z.number(),
  /** In the forward that verified them, or computed the plain step. */
  verify_ms: z.number(),
}).openapi("SpeculationRound");

/** One step of a generation. */
export type SpeculationRound = z.infer<typeof speculationRound>;
