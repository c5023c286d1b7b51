/**
 * Worker entry that runs the probe or two restless actors.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { runInWorker } from "../../runtime/actor/worker_body.ts";
import { probeActor, restlessActor } from "./probe_actor.ts";

runInWorker(self, {
  drafter: probeActor,
  scheduler: () => restlessActor("scheduler", "verifier"),
  verifier: () => restlessActor("verifier", "scheduler"),
});
