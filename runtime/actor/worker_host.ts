/**
 * Runs actors in Workers.
 *
 * @module
 */
import { fromWireError, type WireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { ActorHost, HostOptions } from "./host.ts";
import type { HostCommand, HostFact } from "./worker_body.ts";

/** A Worker with room for several actors. It starts loading its modules at once and ends with the last of its hosts. */
export class ActorThread {
  /** The Worker. */
  readonly worker: Worker;
  #numHosts = 0;

  /** @param worker its entry calls `runInWorker`; default `actors/worker.ts` */
  constructor(name: string, worker?: Worker) {
    this.worker = worker ??
      new Worker(new URL("../actors/worker.ts", import.meta.url), { type: "module", name });
  }

  /** Connects two actors of this thread: messages between them are passed by reference and wake no thread. */
  link(a: Address, b: Address): void {
    this.worker.postMessage({ actor: a, type: "link", to: b } satisfies HostCommand);
  }

  /** Counts another host that needs the thread. */
  retain(): void {
    this.#numHosts++;
  }

  /** Counts a host that no longer needs the thread; the last one ends it. */
  release(): void {
    if (--this.#numHosts === 0) this.worker.terminate();
  }
}

/** Options of {@linkcode WorkerHost}. */
export interface WorkerHostOptions extends HostOptions {
  /** Where the actor runs. */
  readonly thread: ActorThread;
  /** Time the actor gets to answer `stop` before it is given up. Default 3000. */
  readonly stopTimeoutMs?: number;
}

/** Hosts an actor in a Worker. */
export class WorkerHost<Config, Info> implements ActorHost<Config, Info> {
  readonly name: Address;
  readonly #options: WorkerHostOptions;
  readonly #started = Promise.withResolvers<Info>();
  readonly #stopped = Promise.withResolvers<void>();
  #state: "idle" | "starting" | "running" | "stopping" | "dead" = "idle";
  #stop: Promise<void> | undefined;

  constructor(name: Address, options: WorkerHostOptions) {
    this.name = name;
    this.#options = options;
    options.thread.retain();
    const { worker } = options.thread;
    // A start that is never awaited must not become an unhandled rejection.
    this.#started.promise.catch(() => {});
    worker.addEventListener("message", ({ data: fact }: MessageEvent<HostFact>) => {
      if (fact.actor === name) this.#handleFact(fact);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#die({ name: "Error", code: "internal", message: event.message, details: {} });
    });
  }

  connect(to: Address, port: MessagePort): void {
    this.#post({ actor: this.name, type: "connect", to, port }, [port]);
  }

  start(config: Config): Promise<Info> {
    if (this.#state === "idle") {
      this.#state = "starting";
      this.#post({ actor: this.name, type: "start", config });
    }
    return this.#started.promise;
  }

  stop(): Promise<void> {
    return this.#stop ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    if (this.#state !== "dead") {
      this.#state = "stopping";
      this.#post({ actor: this.name, type: "stop" });
      // A Worker that closed itself never answers, and nothing tells its parent.
      const timer = setTimeout(() => this.#stopped.resolve(), this.#options.stopTimeoutMs ?? 3000);
      await this.#stopped.promise;
      clearTimeout(timer);
    }
    this.#options.thread.release();
  }

  #post(command: HostCommand, transfer: Transferable[] = []): void {
    this.#options.thread.worker.postMessage(command, transfer);
  }

  #handleFact(fact: HostFact): void {
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
