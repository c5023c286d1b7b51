/**
 * Log lines in SGLang's look: `[2026-11-24 02:06:45] text`.
 *
 * @module
 */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import type { LogLevel } from "../runtime/contracts/log_level.ts";

/** Writes a line of the log if its level is shown. */
export type Log = (level: LogLevel, text: string) => void;

/**
 * Sets the log up for the process: lines of at least `level` go to `print`, by which the caller decides where they
 * end up.
 */
export function createLog(level: LogLevel, print: (line: string) => void): Log {
  const sink = ({ timestamp, rawMessage }: LogRecord) => print(`[${localTime(timestamp)}] ${rawMessage}`);
  configureSync({
    sinks: { sink },
    loggers: [
      { category: "aerie", lowestLevel: level, sinks: ["sink"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["sink"] },
    ],
    reset: true,
  });
  const logger = getLogger("aerie");
  return (level, text) => logger[level](text);
}

/** `2026-11-24 02:06:45` in the machine's time zone. */
function localTime(timestamp: number): string {
  const date = new Date(timestamp);
  const local = new Date(timestamp - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}
