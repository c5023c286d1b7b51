/**
 * Metrics that a scrape reads off the scheduler's counters: nothing is observed for them between scrapes.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import { familiesOf, type Reading, type SchedulerFacts } from "./scheduler_families.ts";

/** The scheduler's metrics in Prometheus' text format. */
export async function schedulerMetrics(state: SchedulerState, facts: SchedulerFacts): Promise<string> {
  const registry = new Registry();
  // There is one rank of each kind; SGLang's dashboards group by them.
  const ranks = { "tp_rank": "0", "pp_rank": "0", "moe_ep_rank": "0" };
  registry.setDefaultLabels({ "model_name": facts.servedModelName, "engine_type": "unified", ...ranks });
  for (const { type, name, help, label, values } of familiesOf(state, facts)) {
    const options = { name, help, labelNames: label === undefined ? [] : [label], registers: [registry] };
    const labelled = (entry: string): Record<string, string> => label === undefined ? {} : { [label]: entry };
    if (type === "gauge") {
      const gauge = new Gauge(options);
      // Without labels it begins with 0, which is not the same as nothing.
      if (values === undefined) gauge.remove();
      for (const [entry, value] of readings(values)) gauge.set(labelled(entry), value);
    } else {
      const counter = new Counter(options);
      if (values === undefined) counter.remove();
      for (const [entry, value] of readings(values)) counter.inc(labelled(entry), value);
    }
  }
  return await registry.metrics();
}

function readings(values: Reading): readonly (readonly [string, number])[] {
  if (values === undefined) return [];
  return typeof values === "number" ? [["", values]] : Object.entries(values);
}
