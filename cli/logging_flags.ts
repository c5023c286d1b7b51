/**
 * The flags of log and metrics, and the sources of flags.
 *
 * @module
 */
import { z } from "zod";
import { flag, type FlagOf, integer, oneOf, text } from "./flag_values.ts";

/** See `flagSchema`. */
export const loggingSchema = {
  logLevel: oneOf("debug", "info", "warning", "error").default("info"),
  decodeLogInterval: integer(1).default(40),
  logRequests: flag,
  logRequestsLevel: integer(0, 3).default(2),
  enableMetrics: z.boolean().default(true),
  profileDir: text.exactOptional(),
};

/** See `flagGroups`. */
export const loggingFlags: readonly FlagOf<keyof typeof loggingSchema>[] = [
  { name: "logLevel", flags: "--log-level <level>", help: "debug, info, warning or error" },
  {
    name: "decodeLogInterval",
    flags: "--decode-log-interval <steps>",
    help: "Decode steps between two decode lines",
  },
  {
    name: "logRequests",
    flags: "--log-requests",
    help: "Write a line for every request that ends",
  },
  {
    name: "logRequestsLevel",
    flags: "--log-requests-level <level>",
    help:
      "What such a line has. 0: ids, counts, times; 1: sampling parameters too; 2: texts too, up to 2048 characters; 3: whole texts",
  },
  { name: "enableMetrics", flags: "--enable-metrics", help: "Count for /metrics and serve it" },
  { name: "enableMetrics", flags: "--no-enable-metrics", help: "Neither count nor serve /metrics" },
  {
    name: "profileDir",
    flags: "--profile-dir <path>",
    help: "Folder that /start_profile writes into, and nowhere else. Default: ~/.cache/aerie/profiles",
  },
];

/** See `flagSchema`. */
export const configurationSchema = {
  config: text.exactOptional(),
  printConfig: flag,
  listModels: flag,
};

/** See `flagGroups`. */
export const configurationFlags: readonly FlagOf<keyof typeof configurationSchema>[] = [
  {
    name: "config",
    flags: "--config <path>",
    help: "YAML file with flags; those of the command line and of the environment go before it",
  },
  {
    name: "printConfig",
    flags: "--print-config",
    help: "Print every flag with its value and where that is from, and end",
  },
  {
    name: "listModels",
    flags: "--list-models",
    help: "Print the architectures and formats of models that run, and end",
  },
];
