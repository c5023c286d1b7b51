/**
 * Whom the scheduler tells of what happened to sequences: models, matcher, client.
 *
 * @module
 */
import type { ActorContext } from "../actor/actor.ts";
import type { Release } from "../messages/scheduler_verifier.ts";
import type { SchedulerEvent } from "../scheduling/ending.ts";

/** Events that the engine is told of. */
export type ClientEvent = Exclude<SchedulerEvent, { type: "release" | "forget" }>;

/** Sends both models the releases of sequences. */
export function sendReleases(releases: readonly Release[], { send }: Pick<ActorContext, "send">): void {
  for (const release of releases) {
    send("verifier", release);
    send("drafter", release);
  }
}

/** Sends models and matcher what concerns them; returns what is left for the client. */
export function sendEvents(
  events: readonly SchedulerEvent[],
  context: Pick<ActorContext, "send">,
): ClientEvent[] {
  const others: ClientEvent[] = [];
  for (const event of events) {
    if (event.type === "release") sendReleases([event], context);
    else if (event.type === "forget") context.send("matcher", event);
    else others.push(event);
  }
  return others;
}
