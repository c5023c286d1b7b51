/**
 * Runs an actor in its own Worker.
 *
 * @module
 */
import { fromWireError, type WireError } from "../errors.ts";
import type { Address } from "../messages.ts";
import type { ActorHost, HostOptions } from "./host.ts";
import type { HostCommand, HostFact } from "./worker_body.ts";

/** Options of {@linkcode WorkerHost}. */
export interface WorkerHostOptions extends HostOptions {
  /** Time a Worker gets to answer `stop` before it is terminated. Default 3000. */
  readonly stopTimeoutMs?: number;
  /** The Worker to run in; its entry calls `runInWorker` and its name is the actor's. Default `actors/worker.ts`. */
  readonly worker?: Worker;
}

/** Hosts an actor in a Worker. The Worker starts loading its modules at once. */
export class WorkerHost<Config, Info> implements ActorHost<Config, Info> {
  readonly name: Address;
  readonly #options: WorkerHostOptions;
  readonly #worker: Worker;
  readonly #started = Promise.withResolvers<Info>();
  readonly #stopped = Promise.withResolvers<void>();
  #state: "idle" | "starting" | "running" | "stopping" | "dead" = "idle";
  #stop: Promise<void> | undefined;

  constructor(name: Address, options: WorkerHostOptions) {
    this.name = name;
    this.#options = options;
    this.#worker = options.worker ??
      new Worker(new URL("../actors/worker.ts", import.meta.url), { type: "module", name });
    // A start that is never awaited must not become an unhandled rejection.
    this.#started.promise.catch(() => {});
    this.#worker.onmessage = (event: MessageEvent<HostFact>) => this.#hear(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die({ name: "Error", code: "internal", message: event.message, details: {} });
    };
  }

  connect(to: Address, port: MessagePort): void {
    this.#post({ type: "connect", to, port }, [port]);
  }

  start(config: Config): Promise<Info> {
    if (this.#state === "idle") {
      this.#state = "starting";
      this.#post({ type: "start", config });
    }
    return this.#started.promise;
  }

  stop(): Promise<void> {
    return this.#stop ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    if (this.#state !== "dead") {
      this.#state = "stopping";
      this.#post({ type: "stop" });
      // A Worker that closed itself never answers, and nothing tells its parent.
      const timer = setTimeout(() => this.#stopped.resolve(), this.#options.stopTimeoutMs ?? 3000);
      await this.#stopped.promise;
      clearTimeout(timer);
    }
    this.#worker.terminate();
  }

  #post(command: HostCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  #hear(fact: HostFact): void {
    switch (fact.type) {
      case "started":
        if (this.#state === "starting") this.#state = "running";
        return this.#started.resolve(fact.info as Info);
      case "stopped":
        return this.#stopped.resolve();
      case "crashed":
        return this.#die(fact.error);
      case "logged":
        return this.#options.log(fact.level, fact.text);
    }
  }

  #die(error: WireError): void {
    if (this.#state === "dead") return;
    const wasStarted = this.#state === "running" || this.#state === "stopping";
    this.#state = "dead";
    this.#started.reject(fromWireError(error));
    this.#stopped.resolve();
    if (wasStarted) this.#options.onCrash(error);
  }
}
