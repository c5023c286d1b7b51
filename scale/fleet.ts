/**
 * Several workers and the router in front of them: started in order, kept alive, taken down in order.
 *
 * @module
 */
import { LoadError } from "../runtime/contracts/errors.ts";
import { Guardian } from "../runtime/processes/guardian.ts";
import { Child } from "./child.ts";
import { isRouterReady, isWorkerReady } from "./probe.ts";

const POLL_MS = 100;
/** Pause before a process that died is started again; doubles while it dies soon. */
const MIN_PAUSE_MS = 500, MAX_PAUSE_MS = 30_000;
/** Run time up to which a process counts as dying soon, milliseconds. */
const LONG_RUN_MS = 60_000;
/** Time that processes have to end once all requests have been cut. */
const END_MS = 10_000;

/** A process to be kept alive. */
export interface ManagedProcess {
  readonly name: string;
  /** Address without a slash at its end. */
  readonly url: string;
  readonly command: readonly string[];
}

/** Processes and settings of a fleet. */
export interface FleetOptions {
  readonly workers: readonly ManagedProcess[];
  readonly router: ManagedProcess;
  /** Goes to each process by its environment. */
  readonly apiKey: string | undefined;
  /** Seconds that requests have to end. */
  readonly drainTimeout: number;
  readonly print: (line: string) => void;
}

/** The processes, once they are started. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #children = new Map<ManagedProcess, Child>();
  readonly #guardian = new Guardian();
  readonly #cut = Promise.withResolvers<void>();
  /** Rejects when a process ends before all are ready. */
  readonly #failed = Promise.withResolvers<never>();
  #state: "starting" | "ready" | "stopping" = "starting";
  #stop: Promise<void> | undefined;

  /** Starts nothing yet. */
  constructor(options: FleetOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => {});
  }

  /**
   * Starts the first worker, which builds the library and fetches the model if need be, then the others, then the
   * router; resolves when it sends requests to all.
   *
   * @throws {LoadError} if a process ends instead
   */
  async start(): Promise<void> {
    const { workers, router, apiKey } = this.#options;
    const [first, ...others] = workers;
    for (const group of [[first!], others]) {
      for (const worker of group) this.#run(worker);
      await Promise.all(group.map((worker) => this.#until(() => isWorkerReady(worker.url))));
    }
    this.#run(router);
    await this.#until(() => isRouterReady(router.url, workers.length, apiKey));
    if (this.#state === "starting") this.#state = "ready";
  }

  /**
   * Ends the router first: it takes no more requests and waits for requests under way, for as long as these may take. Then
   * the workers, which cut what is left.
   */
  stop(): Promise<void> {
    return this.#stop ??= this.#takeDown();
  }

  /** Cuts what {@linkcode Fleet.stop} waits for. */
  cut(): void {
    this.#cut.resolve();
  }

  async #takeDown(): Promise<void> {
    const { workers, router, drainTimeout } = this.#options;
    this.#state = "stopping";
    this.#failed.reject(new LoadError("Cannot start: the fleet is stopping"));
    const routing = this.#children.get(router);
    const running = workers.flatMap((worker) => this.#children.get(worker) ?? []);
    routing?.kill("SIGTERM");
    let deadline: ReturnType<typeof setTimeout> | undefined;
    const isLate = new Promise<boolean>((resolve) => {
      deadline = setTimeout(() => resolve(true), drainTimeout * 1000);
      this.#cut.promise.then(() => resolve(true));
    });
    const isCut = await Promise.race([routing?.ended.then(() => false) ?? false, isLate]);
    clearTimeout(deadline);
    for (const worker of running) worker.kill("SIGTERM");
    // A second signal cuts; a worker takes it for one only if it has seen the first.
    if (isCut) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      for (const worker of running) worker.kill("SIGTERM");
    }
    const end = setTimeout(() => {
      for (const child of this.#children.values()) child.kill("SIGKILL");
    }, END_MS);
    await Promise.all([...this.#children.values()].map((child) => child.ended));
    clearTimeout(end);
    this.#guardian.watch([]);
    await this.#guardian.stop();
  }

  /** Keeps `managed` running until the fleet stops. */
  #run(managed: ManagedProcess, pauseMs = MIN_PAUSE_MS): void {
    const { apiKey, print } = this.#options, { name, command, url } = managed;
    const startedAt = performance.now();
    const env = apiKey === undefined ? {} : { AERIE_API_KEY: apiKey };
    const child = new Child({ name, command, env, print });
    this.#children.set(managed, child);
    this.#guardian.watch([...this.#children.values()].filter((one) => !one.isOver).map(({ pid }) => pid));
    print(`[scale] ${name} is process ${child.pid} at ${url}`);
    child.ended.then((outcome) => {
      if (this.#state === "stopping") return;
      if (this.#state === "starting") {
        return this.#failed.reject(new LoadError(`Cannot start ${name}: it ended with ${outcome}`));
      }
      const wasLong = performance.now() - startedAt > LONG_RUN_MS;
      const nextMs = wasLong ? MIN_PAUSE_MS : pauseMs;
      print(`[scale] ${name} ended with ${outcome}: starting it again in ${nextMs / 1000} s`);
      setTimeout(() => {
        if (this.#state !== "stopping") this.#run(managed, Math.min(2 * nextMs, MAX_PAUSE_MS));
      }, nextMs);
    });
  }

  /** Resolves when `condition` holds. */
  async #until(condition: () => Promise<boolean>): Promise<void> {
    while (!await Promise.race([condition(), this.#failed.promise])) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
