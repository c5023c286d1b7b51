/**
 * Probe actor: executes the messages it gets, to test hosts with.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../runtime/actor/actor.ts";
import { LoadError } from "../../runtime/contracts/errors.ts";
import type { Address } from "../../runtime/messages/actors.ts";

/** What the probe does on a message; it answers each with `done`. */
export interface ProbeMessage {
  readonly type: "wait" | "throw" | "reject later" | "log" | "close thread" | "note";
  readonly text: string;
}

/** The probe's answer: the text of the message and how many `receive` calls were under way. */
export interface ProbeAnswer {
  readonly type: "done" | "stopping";
  readonly text: string;
  readonly numConcurrent: number;
}

/** Messages of the restless actors: to each other without end, and to the engine on request. */
export interface RestlessMessage {
  readonly type: "bounce" | "ask" | "received" | "stopping";
}

/** Makes an actor that gives every `bounce` back to `peer`, without a pause. */
export function restlessActor(name: Address, peer: Address): Actor<undefined, void, RestlessMessage> {
  let context: ActorContext | undefined;
  const say = (to: Address, message: RestlessMessage) => context?.send(to, message);
  return {
    name,
    start: (_, itsContext) => void (context = itsContext),
    receive: ({ type }) =>
      type === "ask" ? say("engine", { type: "received" }) : say(peer, { type: "bounce" }),
    stop: () => say("engine", { type: "stopping" }),
  };
}

/** Makes a probe whose `start` fails if the config says so. */
export function probeActor(): Actor<{ fail: boolean }, { greeting: string }, ProbeMessage> {
  let numConcurrent = 0;
  let context: ActorContext | undefined;
  return {
    name: "drafter",
    async start(config, itsContext) {
      context = itsContext;
      await Promise.resolve();
      if (config.fail) throw new LoadError("Cannot load probe: told so");
      return { greeting: "hello" };
    },
    async receive(message, context) {
      numConcurrent++;
      if (message.type === "wait") await new Promise((resolve) => setTimeout(resolve, 2));
      if (message.type === "throw") throw new RangeError(message.text);
      if (message.type === "reject later") {
        void Promise.resolve().then(() => Promise.reject(new Error(message.text)));
      }
      if (message.type === "log") context.log("warning", message.text);
      context.send("engine", { type: "done", text: message.text, numConcurrent } as ProbeAnswer);
      context.send("scheduler", { type: "nobody is connected there" });
      numConcurrent--;
      if (message.type === "close thread") (globalThis as unknown as { close(): void }).close();
    },
    stop() {
      context?.send("engine", { type: "stopping", text: "", numConcurrent } as ProbeAnswer);
    },
  };
}
