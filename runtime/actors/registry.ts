/**
 * All actors by name. Adding an actor is a line here.
 *
 * @module
 */
import type { ActorRegistry } from "../actor/host.ts";
import { drafterActor } from "./drafter.ts";
import { matcherActor } from "./matcher.ts";
import { schedulerActor } from "./scheduler.ts";
import { verifierActor } from "./verifier.ts";

/** What a Worker, or an inline engine, can run. */
export const actors = {
  scheduler: schedulerActor,
  drafter: drafterActor,
  verifier: verifierActor,
  matcher: matcherActor,
} as const satisfies ActorRegistry;
