/**
 * The tokenizer hosts of a server: which host does which job, and the replacement of hosts that do not answer. Long texts have a
 * host of their own, so that short ones do not wait behind them.
 *
 * @module
 */
import type { LogLevel } from "../../contracts/log_level.ts";
import { InvalidRequestError, LoadError, OverloadedError, UnavailableError } from "../../contracts/errors.ts";
import { toFrame } from "../../processes/frames.ts";
import { Guardian } from "../../processes/guardian.ts";
import { HostLostError } from "../../processes/host_child.ts";
import { Host } from "./host.ts";
import type { HostRequest } from "./messages.ts";

/** Bytes of a job that is short: about 0.1 s of work. */
const SHORT_BYTES = 16 * 1024;
/** Bytes of jobs that may wait. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;
/** Time that a job may take before the second host is started. */
const SLOW_MS = 50;
/** Time after which a host that could not be started is tried again. */
const RETRY_MS = 1000;

/** How a pool is set up. */
export interface HostPoolOptions {
  /** Longest time for one text. */
  readonly timeoutMs: number;
  /** Takes log lines. */
  readonly log: (level: LogLevel, text: string) => void;
}

interface Job {
  readonly frame: Uint8Array;
  readonly answer: PromiseWithResolvers<Int32Array>;
  /** Hosts killed from outside while they had it. */
  numLost: number;
}

/** The place of a host; hosts come and go. */
class Seat {
  /** Takes long jobs too, and takes them first. */
  readonly takesLong: boolean;
  /** It is to have a host from now on. */
  isOpen = false;
  host: Host | undefined;
  /** Its host is ready and has no job. */
  isIdle = false;

  constructor(takesLong: boolean) {
    this.takesLong = takesLong;
  }
}

/**
 * Two tokenizer hosts, replaced as they are lost. The second is started when the first is first seen busy for long: it
 * holds 120 MB.
 */
export class HostPool {
  /** Resolves when the first host is ready; rejects with a `LoadError`. */
  readonly started: Promise<void>;
  readonly #path: string;
  readonly #definition: Uint8Array;
  readonly #options: HostPoolOptions;
  readonly #guardian = new Guardian();
  readonly #seats = [new Seat(false), new Seat(true)] as const;
  readonly #short: Job[] = [];
  readonly #long: Job[] = [];
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  #waitingBytes = 0;
  #stop: Promise<void> | undefined;

  /** Starts the hosts for a tokenizer; `path` is where it came from, for errors. */
  constructor(definition: Uint8Array, path: string, options: HostPoolOptions) {
    this.#path = path;
    this.#definition = definition;
    this.#options = options;
    this.started = this.#fill(this.#seats[0]);
    // A start that is not awaited must not become an unhandled rejection.
    this.started.catch(() => {});
  }

  /**
   * Tokens for a request. Aborting `signal` ends the wait.
   *
   * @throws {InvalidRequestError} if the request is refused, or takes its host too much time or memory
   * @throws {OverloadedError} if too much text waits already
   */
  run(request: HostRequest, signal?: AbortSignal): Promise<Int32Array> {
    signal?.throwIfAborted();
    this.#assertRunning();
    const frame = toFrame(request), queue = this.#queueOf(frame);
    if (this.#waitingBytes > 0 && this.#waitingBytes + frame.length > MAX_WAITING_BYTES) {
      throw new OverloadedError(`Cannot tokenize input: ${this.#waitingBytes} bytes of text wait already`);
    }
    const job = { frame, answer: Promise.withResolvers<Int32Array>(), numLost: 0 };
    queue.push(job);
    this.#waitingBytes += frame.length;
    const leave = () => {
      const at = queue.indexOf(job);
      if (at >= 0) this.#take(queue, at);
      job.answer.reject(signal!.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    this.#dispatch();
    return job.answer.promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  /** Ends the hosts; what waits fails. */
  stop(): Promise<void> {
    return this.#stop ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    this.#rejectAll(stopped());
    for (const timer of this.#retries) clearTimeout(timer);
    const hosts = this.#seats.flatMap(({ host }) => host ?? []);
    for (const host of hosts) host.kill();
    await Promise.all(hosts.map(({ exited }) => exited));
    await this.#guardian.stop();
  }

  /** Puts a new host on a seat; resolves when it is ready. */
  async #fill(seat: Seat): Promise<void> {
    seat.isOpen = true;
    const host = seat.host = this.#spawn();
    this.#guardian.watch(this.#pids());
    let wasReady = false;
    const left = host.exited.then(() => {
      seat.host = undefined;
      seat.isIdle = false;
      if (this.#stop !== undefined) return;
      this.#guardian.watch(this.#pids());
      if (wasReady) this.#refill(seat);
    });
    try {
      await host.load(this.#path);
    } catch (error) {
      host.kill();
      await left;
      throw error;
    }
    wasReady = seat.isIdle = true;
    this.#dispatch();
  }

  #spawn(): Host {
    try {
      return new Host(this.#definition);
    } catch (error) {
      // No descriptors or no memory left.
      throw new LoadError(`Cannot start a tokenizer host: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Puts a new host on a seat, however often that takes. */
  #refill(seat: Seat): void {
    if (this.#stop !== undefined) return;
    this.#fill(seat).catch((error) => {
      if (this.#stop !== undefined) return;
      this.#options.log("error", `${error.message}; trying again`);
      if (this.#pids().length === 0) {
        this.#rejectAll(new UnavailableError("Cannot tokenize input: no tokenizer host can be started"));
      }
      this.#dispatch();
      const timer = setTimeout(() => {
        this.#retries.delete(timer);
        this.#refill(seat);
      }, RETRY_MS);
      this.#retries.add(timer);
    });
  }

  #rejectAll(error: Error): void {
    for (const queue of [this.#short, this.#long]) {
      while (queue.length > 0) this.#take(queue, 0).answer.reject(error);
    }
  }

  #pids(): number[] {
    return this.#seats.flatMap(({ host }) => host?.pid ?? []);
  }

  #dispatch(): void {
    const [, second] = this.#seats;
    if (this.#long.length > 0 && !second.isOpen) this.#refill(second);
    for (const seat of this.#seats) {
      if (!seat.isIdle) continue;
      const queue = this.#queueFor(seat);
      if (queue.length > 0) void this.#serve(seat, this.#take(queue, 0));
    }
  }

  /** Where a host takes its next job from; the first takes long ones while there is no second. */
  #queueFor({ takesLong }: Seat): Job[] {
    const [, second] = this.#seats;
    if (takesLong && this.#long.length > 0) return this.#long;
    return this.#short.length === 0 && second.host === undefined ? this.#long : this.#short;
  }

  #queueOf(frame: Uint8Array): Job[] {
    return frame.length <= SHORT_BYTES ? this.#short : this.#long;
  }

  /** Lets a job whose host is gone be the next again. */
  #putBack(job: Job): void {
    this.#queueOf(job.frame).unshift(job);
    this.#waitingBytes += job.frame.length;
    this.#dispatch();
  }

  #take(queue: Job[], at: number): Job {
    const [job] = queue.splice(at, 1);
    this.#waitingBytes -= job!.frame.length;
    return job!;
  }

  async #serve(seat: Seat, job: Job): Promise<void> {
    const { frame, answer } = job;
    seat.isIdle = false;
    const [, second] = this.#seats;
    const slow = second.isOpen ? undefined : setTimeout(() => second.isOpen || this.#refill(second), SLOW_MS);
    try {
      answer.resolve(await seat.host!.ask(frame, this.#options.timeoutMs));
    } catch (error) {
      if (error instanceof HostLostError) {
        // Not by its text: that ends a host by V8's own signal. Both hosts may be gone before their ends were reported.
        const isKilled = error.status?.signal === "SIGKILL" && job.numLost++ < this.#seats.length;
        if (!isKilled || this.#stop !== undefined) return answer.reject(this.#describe(error));
        return this.#putBack(job);
      }
      answer.reject(error);
    } finally {
      clearTimeout(slow);
    }
    seat.isIdle = true;
    this.#dispatch();
  }

  /** A lost host is the fault of the text that it had, or of the model's tokenizer, but not of the server. */
  #describe({ status }: HostLostError): Error {
    if (this.#stop !== undefined) return stopped();
    const reason = status === undefined
      ? `tokenizing took longer than ${this.#options.timeoutMs / 1000} s (--tokenize-timeout)`
      : `tokenizing ended its process (${
        status.signal ?? status.code
      }), which happens if it takes too much memory`;
    this.#options.log("warning", `A request was refused: ${reason}`);
    return new InvalidRequestError(`Cannot tokenize input: ${reason}`);
  }

  #assertRunning(): void {
    if (this.#stop !== undefined) throw stopped();
  }
}

function stopped(): UnavailableError {
  return new UnavailableError("Cannot tokenize input: the engine is stopping");
}
