/**
 * The grammar hosts of a server: started when they are needed, watched, ended when they have had nothing to do for long.
 *
 * @module
 */
import { availableMemory } from "node:process";
import type { LogLevel } from "../../contracts/log_level.ts";
import { Guardian } from "../../processes/guardian.ts";
import { GrammarHost, type GrammarHostOptions } from "./host.ts";

/** Hosts at most. */
export const MAX_HOSTS = 4;
/** Time after which a host without sequences is ended; its grammars are compiled again when they are asked for. */
const IDLE_MS = 300_000;

/** Memory that must be free for a host beside the first. */
const FREE_BYTES = 2 ** 30;
/** Memory that a host has taken for grammars, from which on it compiles no more. */
const FULL_BYTES = 2 ** 28;

/** What hosts are made of. */
export interface SlotOptions extends GrammarHostOptions {
  /** Takes log lines. */
  readonly log: (level: LogLevel, text: string) => void;
}

/** Listener of {@linkcode Slots}. */
export interface SlotEvents {
  /** A host is ready. */
  onReady(): void;
  /** A host is gone, with all that it had. */
  onLost(slot: Slot): void;
  /** No host can be started. */
  onFailed(error: Error): void;
}

/** A host and what it is used for. */
export class Slot {
  readonly host: GrammarHost;
  /** It is not ready yet. */
  isLoading = true;
  /** It compiles, so that sequences would wait. */
  isCompiling = false;
  isLost = false;
  /** It takes no sequences until it has compiled again. */
  isDraining = false;
  /** It compiles no more, and is ended when it has no sequences. */
  isSpent = false;
  /** Sequences with a matcher in it. */
  numSequences = 0;

  constructor(host: GrammarHost) {
    this.host = host;
  }

  /** Whether a grammar can be compiled in it: no sequence would wait for that. */
  get canCompile(): boolean {
    return this.isFree && !this.isSpent && this.numSequences === 0 && this.host.isIdle;
  }

  /** Whether a sequence can be opened in it. */
  get isFree(): boolean {
    return !this.isLoading && !this.isCompiling && !this.isLost;
  }
}

/** The hosts there are. */
export class Slots {
  readonly #options: SlotOptions;
  readonly #events: SlotEvents;
  readonly #slots = new Set<Slot>();
  readonly #idle = new Map<Slot, ReturnType<typeof setTimeout>>();
  /** Ends of hosts that are awaited at the stop. */
  readonly #ends = new Set<Promise<unknown>>();
  #guardian: Guardian | undefined;
  #isStopped = false;

  constructor(options: SlotOptions, events: SlotEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** All hosts, loading ones included. */
  get all(): readonly Slot[] {
    return [...this.#slots];
  }

  /** Whether there may be a further host; one that is urgent, whatever the memory. */
  canStart(isUrgent: boolean): boolean {
    const { size } = this.#slots;
    if (this.#isStopped || size >= MAX_HOSTS) return false;
    return isUrgent || size === 0 || availableMemory() > FREE_BYTES;
  }

  /** Hosts that are not ready yet. */
  get numLoading(): number {
    return this.all.filter(({ isLoading }) => isLoading).length;
  }

  /** Starts a host, which tells when it is ready; false if that cannot be. */
  start(): boolean {
    let slot: Slot;
    try {
      slot = new Slot(new GrammarHost(this.#options));
    } catch (error) {
      // No descriptors or no memory left.
      queueMicrotask(() => this.#fail(error));
      return false;
    }
    this.#slots.add(slot);
    this.#watch();
    const ended = slot.host.exited.then(() => {
      this.#ends.delete(ended);
      this.lose(slot);
    });
    this.#ends.add(ended);
    slot.host.load().then(() => {
      slot.isLoading = false;
      this.#events.onReady();
    }, (error) => {
      this.lose(slot);
      this.#fail(error);
    });
    return true;
  }

  /** Ends a host, if it has not ended, and gives it up. */
  lose(slot: Slot): void {
    if (slot.isLost) return;
    slot.isLost = true;
    slot.host.kill();
    this.#slots.delete(slot);
    this.keep(slot);
    if (this.#isStopped) return;
    this.#watch();
    this.#events.onLost(slot);
  }

  /** A host has compiled; a fault of the library leaves things behind, and Wasm gives no memory back. */
  onCompiled(slot: Slot, hasFault: boolean): void {
    slot.isSpent ||= hasFault || slot.host.grownBytes > FULL_BYTES;
  }

  /** A host has something to do: it is not idle. */
  keep(slot: Slot): void {
    clearTimeout(this.#idle.get(slot));
    this.#idle.delete(slot);
  }

  /** A host has nothing to do; unless that changes it is ended after a while. */
  rest(slot: Slot): void {
    this.keep(slot);
    if (slot.isSpent) return this.lose(slot);
    if (!slot.isLost) this.#idle.set(slot, setTimeout(() => this.lose(slot), IDLE_MS));
  }

  /** Ends all. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const slot of this.#slots) this.lose(slot);
    await Promise.all(this.#ends);
    await this.#guardian?.stop();
  }

  #watch(): void {
    this.#guardian ??= new Guardian();
    this.#guardian.watch(this.all.map(({ host }) => host.pid));
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log("error", `Cannot start a grammar host: ${reason}`);
    this.#events.onFailed(new Error(reason));
  }
}
