/**
 * The inside of an actor's Worker: an inline host driven by the commands of `worker_host.ts`.
 *
 * @module
 */
import { toWireError, type WireError } from "../errors.ts";
import type { Address } from "../messages.ts";
import type { Actor, LogLevel } from "./actor.ts";
import type { ActorRegistry } from "./host.ts";
import { InlineHost } from "./inline_host.ts";

/** Host to Worker. */
export type HostCommand =
  | { readonly type: "connect"; readonly to: Address; readonly port: MessagePort }
  | { readonly type: "start"; readonly config: unknown }
  | { readonly type: "stop" };

/** Worker to host. */
export type HostFact =
  | { readonly type: "started"; readonly info: unknown }
  | { readonly type: "stopped" }
  | { readonly type: "crashed"; readonly actor: string; readonly error: WireError }
  | { readonly type: "logged"; readonly level: LogLevel; readonly text: string };

/** The part of a Worker's global scope that is used; a parameter, because only Worker entries may name its type. */
export interface WorkerScope {
  readonly name: string;
  postMessage(fact: HostFact): void;
  addEventListener(type: "message", listener: (event: MessageEvent<HostCommand>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}

/**
 * Runs the actor that the Worker is named after.
 *
 * @throws {TypeError} if the registry lacks it
 */
export function runInWorker(scope: WorkerScope, actors: ActorRegistry): void {
  const actor = actors[scope.name]?.() as Actor<unknown, unknown, unknown> | undefined;
  if (actor === undefined) throw new TypeError(`Cannot run actor: ${scope.name} is not registered`);
  const post = (fact: HostFact) => scope.postMessage(fact);
  const crashed = (error: WireError) => post({ type: "crashed", actor: scope.name, error });
  const host = new InlineHost(actor, {
    log: (level, text) => post({ type: "logged", level, text }),
    onCrash: crashed,
  });

  scope.addEventListener("message", ({ data: command }) => {
    switch (command.type) {
      case "connect":
        return host.connect(command.to, command.port);
      case "start":
        return void host.start(command.config).then(
          (info) => post({ type: "started", info }),
          (error) => crashed(toWireError(error)),
        );
      case "stop":
        return void host.stop().then(() => post({ type: "stopped" }));
    }
  });
  // Unhandled, either event would end the whole process (Deno 2.9).
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    host.crash(event.error);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    host.crash(event.reason);
  });
}
