/**
 * One grammar host as the pool sees it: a child process that compiles one grammar or answers one step at a time, and can
 * be killed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { GrammarSource } from "../../contracts/constraint.ts";
import type { DraftTree } from "../../contracts/draft_tree.ts";
import { LoadError, type WireError } from "../../contracts/errors.ts";
import type { SequenceMasks } from "../../messages/matcher.ts";
import { HostChild, HostLostError } from "../../processes/host_child.ts";
import {
  ArrayReader,
  type HostReply,
  type HostRequest,
  joinArrays,
  type MatchHead,
  treeArrays,
} from "./messages.ts";
import type { Vocabulary } from "./vocabulary.ts";

const ENTRY = fileURLToPath(new URL("./grammar_host.ts", import.meta.url));

/** Never called: it makes what a host runs, packages included, a part of the server's own code, so that it is cached. */
export function loadHere(): Promise<unknown> {
  return import("./grammar_host.ts");
}

/** JavaScript heap of a host beyond what its tokenizer needs; grammars lie in Wasm memory, which has a bound of its own. */
const HEAP_MB = 512;
/** Time a host has to start and to build tokenizer and vocabulary. */
const LOAD_MS = 30_000;
/** Time it has for the masks of a step. */
const MATCH_MS = 10_000;
/** Share of a host's time in which this thread reads what it has answered. */
const READ_SHARE = 0.1;
/** Memory that a compile may take, and how often it is looked at. */
const COMPILE_BYTES = 2 ** 30;
const WATCH_MS = 100;

/** The constrained sequences of a step that are in one host. */
export interface HostStep {
  readonly heads: readonly MatchHead[];
  /** Output tokens by sequence. */
  readonly tokens: readonly Int32Array[];
  readonly trees: readonly DraftTree[];
}

/** The masks of a step's sequences in one host; rows are indices of `masks`. */
export interface HostMasks {
  readonly sequences: readonly SequenceMasks[];
  /** [numMasks][ceil(vocabSize / 32)]: all that the host ever used, or the latest of those. */
  readonly masks: readonly Uint32Array[];
}

/** How a host is started. */
export interface GrammarHostOptions {
  /** See `runtime/tokenizer/source.ts`. */
  readonly definition: Uint8Array;
  readonly vocabulary: Vocabulary;
  /** Longest time for the masks of a step; 10 s if left out. */
  readonly matchTimeoutMs?: number;
}

/** A compile took too much memory. The host is gone. */
export class HostTooLargeError extends HostLostError {}

/** What a host is at. */
interface Pending {
  /** Takes a reply; true if it was the last. */
  readonly onReply: (reply: HostReply, body: ArrayReader) => boolean;
  readonly onLost: (error: HostLostError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** A child process with matchers. */
export class GrammarHost {
  /** Process id. */
  readonly pid: number;
  /** How the process ended. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: HostChild<HostReply>;
  readonly #numWords: number;
  readonly #matchTimeoutMs: number;
  #loadedBytes = 0;
  #masks: Uint32Array[] = [];
  #pending: Pending | undefined;

  /** Starts the process. */
  constructor({ definition, vocabulary, matchTimeoutMs = MATCH_MS }: GrammarHostOptions) {
    this.#numWords = Math.ceil(vocabulary.vocabSize / 32);
    this.#matchTimeoutMs = matchTimeoutMs;
    this.#child = new HostChild({
      entry: ENTRY,
      heapMb: HEAP_MB + Math.ceil(8 * definition.length / 2 ** 20),
      onReply: (reply, body) => this.#onReply(reply, body),
    });
    this.pid = this.#child.pid;
    this.exited = this.#child.exited.then((status) => {
      this.#lose(new HostLostError(status));
      return status;
    });
    this.#send({ type: "load", vocabulary }, definition);
  }

  /** Whether it waits for a request. */
  get isIdle(): boolean {
    return this.#pending === undefined;
  }

  /**
   * Waits until it can compile.
   *
   * @throws {LoadError} if it cannot, or that takes too long
   * @throws {HostLostError}
   */
  async load(): Promise<void> {
    await this.#ask(LOAD_MS, "loaded");
    this.#loadedBytes = residentBytes(this.pid);
  }

  /** Memory that it has taken since it was loaded; Wasm gives none back. 0 where that is not known. */
  get grownBytes(): number {
    return Math.max(0, residentBytes(this.pid) - this.#loadedBytes);
  }

  /**
   * Compiles a grammar, which is known by its number from then on.
   *
   * @throws {WireError} if it cannot be compiled
   * @throws {HostLostError} if that takes longer than `timeoutMs` or too much memory, or ends the process
   */
  async compile(
    { grammar, source, timeoutMs }: {
      readonly grammar: number;
      readonly source: GrammarSource;
      readonly timeoutMs: number;
    },
  ): Promise<void> {
    const compiled = this.#ask(timeoutMs, "compiled");
    this.#send({ type: "compile", grammar, source });
    const grownBefore = this.grownBytes;
    const watch = setInterval(() => {
      if (this.grownBytes - grownBefore <= COMPILE_BYTES) return;
      this.#lose(new HostTooLargeError());
      this.kill();
    }, WATCH_MS);
    try {
      await compiled;
    } finally {
      clearInterval(watch);
    }
  }

  /** Sends what has no answer. */
  post(request: Extract<HostRequest, { type: "drop" | "open" | "close" }>): void {
    this.#send(request);
  }

  /** Has a step matched. Both answers fail with a {@linkcode HostLostError}. */
  match({ heads, tokens, trees }: HostStep): { refined: Promise<DraftTree[]>; masked: Promise<HostMasks> } {
    const refined = Promise.withResolvers<DraftTree[]>(), masked = Promise.withResolvers<HostMasks>();
    this.#wait(this.#matchTimeoutMs, (reply, body) => {
      if (reply.type === "refined") refined.resolve(reply.numNodes.map((numNodes) => body.tree(numNodes)));
      if (reply.type !== "masked") return false;
      masked.resolve(this.#readMasks(reply, body));
      return true;
    }, (error) => {
      refined.reject(error);
      masked.reject(error);
    });
    // Both may fail before somebody waits for them, who waits for another host or for the first answer.
    for (const { promise } of [refined, masked]) promise.catch(() => {});
    const arrays = heads.flatMap((_, i) => [tokens[i]!, ...treeArrays(trees[i]!)]);
    this.#send({ type: "match", sequences: heads }, joinArrays(arrays));
    return { refined: refined.promise, masked: masked.promise };
  }

  /** Ends the process, whatever it does. */
  kill(): void {
    this.#child.kill();
  }

  #send(request: HostRequest, body?: Uint8Array): void {
    this.#child.send(request, body);
  }

  #ask(timeoutMs: number, answer: "loaded" | "compiled"): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wait(timeoutMs, (reply) => {
      if (reply.type === answer) resolve();
      else {reject(
          reply.type === "failed" ? new HostRefusal(reply.error) : new LoadError(`unexpected ${reply.type}`),
        );}
      return true;
    }, reject);
    return promise;
  }

  #wait(timeoutMs: number, onReply: Pending["onReply"], onLost: Pending["onLost"]): void {
    if (this.#child.status !== undefined) return onLost(new HostLostError(this.#child.status));
    const giveUp = () => {
      this.#lose(new HostLostError());
      this.kill();
    };
    // A model may have kept this thread busy for longer than that: what came meanwhile is read before it is too late.
    const warn = () => pending.timer = setTimeout(giveUp, READ_SHARE * timeoutMs);
    const pending: Pending = { onReply, onLost, timer: setTimeout(warn, (1 - READ_SHARE) * timeoutMs) };
    this.#pending = pending;
  }

  #lose(error: HostLostError): void {
    clearTimeout(this.#pending?.timer);
    this.#pending?.onLost(error);
    this.#pending = undefined;
  }

  #onReply(reply: HostReply, body: Uint8Array<ArrayBuffer>): void {
    const pending = this.#pending;
    if (pending?.onReply(reply, new ArrayReader(body)) !== true) return;
    clearTimeout(pending.timer);
    this.#pending = undefined;
  }

  #readMasks(
    { sequences, isReset, numNew }: Extract<HostReply, { type: "masked" }>,
    body: ArrayReader,
  ): HostMasks {
    const rowsOf = sequences.map(({ numRows, error }) => {
      const rows = body.ints(numRows), mustEnd = Uint8Array.from(body.ints(numRows));
      return { rows, mustEnd, ...(error && { error }) };
    });
    if (isReset) this.#masks = [];
    for (let i = 0; i < numNew; i++) this.#masks.push(body.words(this.#numWords));
    return { sequences: rowsOf, masks: this.#masks };
  }
}

/** A host's own answer that something cannot be done. */
export class HostRefusal extends Error {
  /** What it said. */
  readonly error: WireError;

  constructor(error: WireError) {
    super(error.message);
    this.error = error;
  }
}

/** Resident memory of a process; 0 where that is not known. */
function residentBytes(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    return 1024 * Number(kilobytes ?? 0);
  } catch {
    return 0;
  }
}
