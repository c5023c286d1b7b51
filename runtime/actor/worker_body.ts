/**
 * The inside of a Worker that actors run in: inline hosts driven by the commands of `worker_host.ts`.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { toWireError, type WireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { Actor, LogLevel } from "./actor.ts";
import { localChannels } from "./channel.ts";
import type { ActorRegistry } from "./host.ts";
import { InlineHost } from "./inline_host.ts";

/** Host to Worker. */
export type HostCommand =
  & { readonly actor: Address }
  & (
    | { readonly type: "connect"; readonly to: Address; readonly port: MessagePort }
    | { readonly type: "link"; readonly to: Address }
    | { readonly type: "start"; readonly config: unknown }
    | { readonly type: "stop" }
  );

/** Worker to host. */
export type HostFact =
  & { readonly actor: Address }
  & (
    | { readonly type: "started"; readonly info: unknown }
    | { readonly type: "stopped" }
    | { readonly type: "crashed"; readonly error: WireError }
    | { readonly type: "logged"; readonly level: LogLevel; readonly text: string }
  );

/** The part of a Worker's global scope that is used; a parameter, because only Worker entries may name its type. */
export interface WorkerScope {
  postMessage(fact: HostFact): void;
  addEventListener(type: "message", listener: (event: MessageEvent<HostCommand>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}

/** Time without a turn of the event loop after which it gets one: how late a command can be heard, more or less. */
const MAX_TURN_MS = 100;

/** Runs the actors of the registry that hosts outside ask for. */
export function runInWorker(scope: WorkerScope, actors: ActorRegistry): void {
  const hosts = new Map<Address, InlineHost<unknown, unknown, unknown>>();
  const post = (fact: HostFact) => scope.postMessage(fact);
  let lastTurn = 0;
  const pause = () => {
    if (performance.now() - lastTurn < MAX_TURN_MS) return undefined;
    return new Promise<void>((resolve) =>
      // A timer would come 2 ms later.
      setImmediate(() => {
        lastTurn = performance.now();
        resolve();
      })
    );
  };

  function hostOf(name: Address): InlineHost<unknown, unknown, unknown> {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const actor = actors[name]?.() as Actor<unknown, unknown, unknown> | undefined;
    if (actor === undefined) throw new TypeError(`Cannot run actor: ${name} is not registered`);
    const host = new InlineHost(actor, {
      log: (level, text) => post({ actor: name, type: "logged", level, text }),
      onCrash: (error) => post({ actor: name, type: "crashed", error }),
      pause,
    });
    hosts.set(name, host);
    return host;
  }

  function obey(command: HostCommand): void {
    const { actor } = command, host = hostOf(actor);
    switch (command.type) {
      case "connect":
        return host.connect(command.to, command.port);
      case "link": {
        const [near, far] = localChannels();
        host.link(command.to, near);
        return hostOf(command.to).link(actor, far);
      }
      case "start":
        return void host.start(command.config).then(
          (info) => post({ actor, type: "started", info }),
          (error) => post({ actor, type: "crashed", error: toWireError(error) }),
        );
      case "stop":
        return void host.stop().then(() => post({ actor, type: "stopped" }));
    }
  }

  scope.addEventListener("message", ({ data: command }) => {
    try {
      obey(command);
    } catch (error) {
      post({ actor: command.actor, type: "crashed", error: toWireError(error) });
    }
  });
  // Unhandled, either event would end the whole process (Deno 2.9). Whose error it is, nobody knows.
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    for (const host of hosts.values()) host.crash(event.error);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    for (const host of hosts.values()) host.crash(event.reason);
  });
}
