/**
 * Worker entry that runs the probe.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { runInWorker } from "../../runtime/actor/worker_body.ts";
import { probeActor } from "./probe_actor.ts";

runInWorker(self, { drafter: probeActor });
