/**
 * The drafter actor: the place of a proposer. Without one it idles; the sequences it is told to release are none of
 * its own.
 *
 * @module
 */
import type { Actor } from "../actor/actor.ts";
import type { DrafterMessage } from "../messages.ts";

/** Makes a drafter that proposes nothing. */
export function drafterActor(): Actor<void, void, DrafterMessage> {
  return {
    name: "drafter",
    start() {},
    receive() {},
    stop() {},
  };
}
