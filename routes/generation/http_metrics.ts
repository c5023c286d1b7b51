/**
 * Metrics of the HTTP side for `/metrics`.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import { errorCodes, httpStatusOf } from "../../runtime/contracts/errors.ts";
import type { ErrorReply } from "../answers/errors.ts";

/** The type of Prometheus' text format. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Metrics of the HTTP side. */
export class HttpMetrics {
  readonly #registry = new Registry();
  readonly #errors = new Counter({
    name: "aerie:error_replies_total",
    help: "Requests answered with an error, in an answer or in a stream",
    labelNames: ["code", "status"],
    registers: [this.#registry],
  });

  /** `numConnections` returns how many are open now; without it there is no such metric. */
  constructor(modelName: string, numConnections?: () => number) {
    this.#registry.setDefaultLabels({ "model_name": modelName });
    // A rate needs a value before the first error.
    for (const code of errorCodes) this.#errors.inc({ code, status: httpStatusOf(code) }, 0);
    if (numConnections === undefined) return;
    new Gauge({
      name: "aerie:connections",
      help: "Connections that are open",
      registers: [this.#registry],
      collect() {
        this.set(numConnections());
      },
    });
  }

  /** Counts an error answer. */
  countError({ code, status }: ErrorReply): void {
    this.#errors.inc({ code, status });
  }

  /** The metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
