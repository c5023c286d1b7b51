/**
 * The inside of a Worker that actors run in: inline hosts driven by the commands of `worker_host.ts`.
 *
 * @module
 */
import { toWireError, type WireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { Actor } from "./actor.ts";
import { turnEvery } from "./event_loop.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { ActorRegistry } from "./host.ts";
import { InlineGroup } from "./inline_group.ts";
import type { InlineHost } from "./inline_host.ts";

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

/** Time without a turn of the event loop after which it gets one, which bounds the delay of a command. */
const MAX_TURN_MS = 100;

/** Runs the actors of the registry that hosts outside ask for. */
export function runInWorker(scope: WorkerScope, actors: ActorRegistry): void {
  const group = new InlineGroup();
  const post = (fact: HostFact) => scope.postMessage(fact);
  const pause = turnEvery(MAX_TURN_MS);

  function hostOf(name: Address): InlineHost<unknown, unknown, unknown> {
    const known = group.get(name);
    if (known !== undefined) return known;
    const actor = actors[name]?.() as Actor<unknown, unknown, unknown> | undefined;
    if (actor === undefined) throw new TypeError(`Cannot run actor: ${name} is not registered`);
    return group.host(actor, {
      log: (level, text) => post({ actor: name, type: "logged", level, text }),
      onCrash: (error) => post({ actor: name, type: "crashed", error }),
      pause,
    });
  }

  function handleCommand(command: HostCommand): void {
    const { actor } = command, host = hostOf(actor);
    switch (command.type) {
      case "connect":
        return host.connect(command.to, command.port);
      case "link":
        hostOf(command.to);
        return group.link(actor, command.to);
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
      handleCommand(command);
    } catch (error) {
      post({ actor: command.actor, type: "crashed", error: toWireError(error) });
    }
  });
  // Unhandled, either event would end the whole process (Deno 2.9). Neither names the actor, so all of them crash.
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    for (const host of group.hosts) host.crash(event.error);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    for (const host of group.hosts) host.crash(event.reason);
  });
}
