/**
 * Entry of the actors' Worker.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { runInWorker } from "../actor/worker_body.ts";
import { actors } from "./registry.ts";

runInWorker(self, actors);
