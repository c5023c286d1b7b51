/**
 * The form and the levels of log lines.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { createLog } from "../../cli/log.ts";

Deno.test("log: lines look like SGLang's and are taken literally", () => {
  const lines: string[] = [];
  const log = createLog("info", (line) => lines.push(line));
  log("info", 'Prefill batch, {"a": {b}} 100%');
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] Prefill batch, \{"a": \{b\}\} 100%$/);
});

Deno.test("log: the time is the machine's own", () => {
  const lines: string[] = [];
  const before = Date.now();
  createLog("info", (line) => lines.push(line))("info", "now");
  const shown = new Date(lines[0]!.slice(1, 20).replace(" ", "T")).getTime();
  assert(shown >= before - 1000 && shown <= Date.now(), lines[0]);
});

Deno.test("log: lines below the level are left out", () => {
  const lines: string[] = [];
  const log = createLog("warning", (line) => lines.push(line.slice(22)));
  for (const level of ["debug", "info", "warning", "error"] as const) log(level, level);
  assert.deepEqual(lines, ["warning", "error"]);
});
