/**
 * The end of the server: signals, the time that requests have to end, the exit code.
 *
 * @module
 */
import type { Log } from "./log.ts";

/** Time from the cut to the end of the process, whatever happens: answers and the last events still go out. */
const CUT_MS = 1000;

/** What a shutdown stops: the parts of a serving process. */
export interface Served {
  readonly listener: {
    readonly numInFlight: number;
    drain(): void;
    idle(): Promise<void>;
    close(): Promise<void>;
  };
  readonly engine: { stop(): Promise<void> };
}

/** Options of a shutdown. */
export interface ShutdownOptions {
  /** Time that requests have to end, milliseconds; 0 cuts them at once. */
  readonly drainMs: number;
  readonly log: Log;
  /** Ends the process. */
  readonly exit?: (code: number) => void;
}

/**
 * Takes the server down, once. The first signal lets requests end, the second cuts them short, the third ends the
 * process at once. Before the server takes requests there is nothing to wait for.
 */
export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #exit: (code: number) => void;
  readonly #cut = Promise.withResolvers<void>();
  #served: Served | undefined;
  #exitCode = 0;
  #numSignals = 0;
  #isDraining = false;

  /** Does nothing until `onSignal` or `crash`. */
  constructor(options: ShutdownOptions) {
    this.#options = options;
    this.#exit = options.exit ?? Deno.exit;
  }

  /** Whether the server admits nothing more. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Sets what a shutdown waits for from now on. */
  serve(served: Served): void {
    this.#served = served;
  }

  /** Takes SIGINT or SIGTERM. */
  onSignal(signal: "SIGINT" | "SIGTERM"): void {
    const { log, drainMs } = this.#options;
    this.#numSignals++;
    if (this.#numSignals > 2) return this.#exit(1);
    if (this.#numSignals === 2) {
      log("info", `Received ${signal} again: cutting requests short`);
      return this.#cutShort(1);
    }
    const numInFlight = this.#served?.listener.numInFlight ?? 0;
    log(
      "info",
      `Received ${signal}: shutting down, ${numInFlight} requests have ${
        drainMs / 1000
      } s to end, again to cut them`,
    );
    this.#run();
  }

  /** Takes the server down with exit code 1, at once: no request can end any more. */
  crash(): void {
    this.#cutShort(1);
  }

  #cutShort(exitCode: number): void {
    this.#exitCode = exitCode;
    this.#cut.resolve();
    this.#run();
  }

  #run(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#served === undefined) return this.#exit(this.#exitCode);
    void this.#takeDown(this.#served);
  }

  async #takeDown({ listener, engine }: Served): Promise<void> {
    const { log, drainMs } = this.#options;
    listener.drain();
    const deadline = setTimeout(() => this.#cut.resolve(), drainMs);
    const isCut = this.#cut.promise.then(() => true);
    if (await Promise.race([listener.idle().then(() => false), isCut])) {
      log("warning", `Cutting ${listener.numInFlight} requests short`);
    }
    clearTimeout(deadline);
    const end = setTimeout(() => this.#exit(this.#exitCode), CUT_MS);
    await engine.stop();
    await listener.close();
    clearTimeout(end);
    this.#exit(this.#exitCode);
  }
}
