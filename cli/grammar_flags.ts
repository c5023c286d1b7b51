/**
 * The flags of structured output: what compiles grammars, and for how long.
 *
 * @module
 */
import { type FlagOf, integer, oneOf } from "./flag_values.ts";

const BACKENDS = ["xgrammar", "none"] as const;
/** SGLang's backends that are not built here. */
const OTHER_BACKENDS = ["outlines", "llguidance"] as const;

/** See `flagSchema`. */
export const grammarSchema = {
  grammarBackend: oneOf(...BACKENDS, ...OTHER_BACKENDS).refine(
    (backend): backend is typeof BACKENDS[number] => BACKENDS.some((known) => known === backend),
    "that backend of SGLang's is not built, expected xgrammar or none",
  ).default("xgrammar"),
  grammarTimeout: integer(1, 3600).default(30),
};

/** See `flagGroups`. */
export const grammarFlags: readonly FlagOf<keyof typeof grammarSchema>[] = [
  {
    name: "grammarBackend",
    flags: "--grammar-backend <backend>",
    help: "What enforces grammars: xgrammar, or none, which refuses requests that bring one",
  },
  {
    name: "grammarTimeout",
    flags: "--grammar-timeout <seconds>",
    help: "Longest time for one grammar to be compiled; beyond it the request is answered 400",
  },
];
