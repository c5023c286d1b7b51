/**
 * The flags of tools and reasoning: in which form the model writes them.
 *
 * @module
 */
import { callFormatNames } from "../runtime/output/call_formats.ts";
import { reasoningFormatNames } from "../runtime/output/reasoning_formats.ts";
import { type FlagOf, oneOf } from "./flag_values.ts";

/** See `flagSchema`. */
export const parserSchema = {
  toolCallParser: oneOf("auto", ...callFormatNames).default("auto"),
  reasoningParser: oneOf("auto", ...reasoningFormatNames).default("auto"),
};

/** See `flagGroups`. */
export const parserFlags: readonly FlagOf<keyof typeof parserSchema>[] = [
  {
    name: "toolCallParser",
    flags: "--tool-call-parser <form>",
    help: `Form of the model's calls: ${
      callFormatNames.join(", ")
    }, or auto, what the chat template asks for`,
  },
  {
    name: "reasoningParser",
    flags: "--reasoning-parser <form>",
    help: `Form of its reasoning: ${reasoningFormatNames.join(", ")}, or auto, what the chat template knows`,
  },
];
