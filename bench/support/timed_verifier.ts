/**
 * Entry of the actors' Worker, whose verifier also logs, when a sequence ends, how long its decode forwards took: the
 * log line is a {@linkcode DecodeTime} as JSON.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { ActorContext } from "../../runtime/actor/actor.ts";
import { runInWorker } from "../../runtime/actor/worker_body.ts";
import { actors } from "../../runtime/actors/registry.ts";
import type { Forwarded } from "../../runtime/messages/scheduler_verifier.ts";

/** Decode steps of a sequence and the milliseconds their forwards took in native code. */
export interface DecodeTime {
  readonly numSteps: number;
  readonly forwardMs: number;
}

function timedVerifier(): ReturnType<typeof actors.verifier> {
  const verifier = actors.verifier();
  let numSteps = 0, forwardMs = 0, isDecode = false;
  const timed = (context: ActorContext): ActorContext => ({
    ...context,
    send(to, message) {
      if (isDecode) forwardMs += (message as Forwarded).forwardMs;
      context.send(to, message);
    },
  });
  return {
    name: verifier.name,
    start: (config, context) => verifier.start(config, context),
    receive(message, context) {
      if (message.type === "release") {
        context.log("debug", JSON.stringify({ numSteps, forwardMs } satisfies DecodeTime));
        numSteps = forwardMs = 0;
      } else if (message.type === "forward") {
        isDecode = message.segments.every(({ tokens }) => tokens.length === 1);
        if (isDecode) numSteps++;
      }
      return verifier.receive(message, timed(context));
    },
    stop: () => verifier.stop(),
  };
}

runInWorker(self, { ...actors, verifier: timedVerifier });
