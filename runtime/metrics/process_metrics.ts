/**
 * Facts about the process under the names that Prometheus' clients share.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { Counter, Gauge, Registry } from "prom-client";

/** Time, memory and start of this process in Prometheus' text format. */
export async function processMetrics(modelName: string): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ "model_name": modelName });
  const options = (name: string, help: string) => ({ name, help, registers: [registry] });
  const { user, system } = cpuUsage();
  new Counter(options("process_cpu_seconds_total", "CPU time of the process, native threads included"))
    .inc((user + system) / 1e6);
  new Gauge(options("process_resident_memory_bytes", "Memory that the process has touched"))
    .set(Deno.memoryUsage().rss);
  new Gauge(options("process_start_time_seconds", "When the process began, since 1970"))
    .set(performance.timeOrigin / 1000);
  return await registry.metrics();
}
