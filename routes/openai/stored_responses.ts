/**
 * Responses that clients may come back to, in memory: the newest, bounded by number, bytes and age.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { AerieError } from "../../runtime/contracts/errors.ts";
import { clip, throwInvalidField } from "../answers/errors.ts";
import type { outputItem, responsesResponse } from "../schema/responses_answer.ts";
import type { responsesItem } from "../schema/responses_items.ts";

/** The body of a response. */
export type ResponseBody = z.infer<typeof responsesResponse>;
/** An item of a conversation, with an id. */
export type StoredItem = (z.infer<typeof responsesItem> | z.infer<typeof outputItem>) & {
  readonly id: string;
};

/** A response and the conversation that it answered. */
export interface StoredResponse {
  readonly response: ResponseBody;
  /** All items before its output: those of the responses that it continues, and its own. */
  readonly input: readonly StoredItem[];
}

/** How much is kept. */
export interface StoreBounds {
  readonly maxResponses: number;
  /** Bytes of JSON; items that several responses have in common count in each. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Bounds of a server. */
const defaultStoreBounds: StoreBounds = {
  maxResponses: 4096,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 24 * 60 * 60 * 1000,
};

/** A response in the store. */
interface Entry extends StoredResponse {
  readonly numBytes: number;
  readonly storedAt: number;
}

/** Keeps responses; what exceeds the bounds is forgotten, the oldest first. */
export class StoredResponses {
  readonly #bounds: StoreBounds;
  readonly #now: () => number;
  /** In the order in which they were stored. */
  readonly #entries = new Map<string, Entry>();
  /** The response that brought an item. */
  readonly #owners = new Map<string, string>();
  /** Responses that are being made. */
  readonly #running = new Map<string, StoredResponse>();
  #numBytes = 0;
  /** Bytes of items, which several responses have in common. */
  readonly #sizes = new WeakMap<object, number>();

  /** `now` returns milliseconds. */
  constructor(bounds: StoreBounds = defaultStoreBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** Notes that a response is being made. */
  begin(stored: StoredResponse): void {
    this.#running.set(stored.response.id, stored);
  }

  /** Whether a response is still being made. */
  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  /** Notes that a response has ended, without keeping it. */
  end(id: string): void {
    this.#running.delete(id);
  }

  /** Keeps a response that has ended. */
  keep(stored: StoredResponse): void {
    const { response, input } = stored;
    this.end(response.id);
    const items = [...input, ...response.output];
    const numBytes = items.reduce((sum, item) => sum + this.#sizeOf(item), sizeOf(response));
    this.#entries.set(response.id, { ...stored, numBytes, storedAt: this.#now() });
    this.#numBytes += numBytes;
    for (const { id } of items) if (!this.#owners.has(id)) this.#owners.set(id, response.id);
    const { maxResponses, maxBytes } = this.#bounds;
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= maxResponses && this.#numBytes <= maxBytes) break;
      this.#forget(id);
    }
  }

  /**
   * A response that is kept or being made.
   *
   * @throws {AerieError} with code `not_found`, naming `param` if there is none
   */
  get(id: string, param = "response_id"): StoredResponse {
    this.#expire();
    const stored = this.#running.get(id) ?? this.#entries.get(id);
    if (stored === undefined) {
      throw new AerieError("not_found", `Cannot find response ${clip(id)}: it is not stored here`, { param });
    }
    return stored;
  }

  /**
   * A response that is kept.
   *
   * @throws {AerieError} with code `not_found`, naming `param` if there is none
   * @throws {InvalidRequestError} naming `param` if it is still being made
   */
  ended(id: string, param = "response_id"): StoredResponse {
    if (this.isRunning(id)) throwInvalidField(param, `response ${clip(id)} is still being made`);
    return this.get(id, param);
  }

  /** An item that a kept response brought; undefined if there is none. */
  item(id: string): StoredItem | undefined {
    this.#expire();
    const entry = this.#entries.get(this.#owners.get(id) ?? "");
    return entry && [...entry.input, ...entry.response.output].find((item) => item.id === id);
  }

  /**
   * Forgets a response that is kept.
   *
   * @throws {AerieError} with code `not_found` if there is none
   * @throws {InvalidRequestError} if it is still being made
   */
  delete(id: string): void {
    this.ended(id);
    this.#forget(id);
  }

  #sizeOf(item: StoredItem): number {
    const size = this.#sizes.get(item) ?? sizeOf(item);
    this.#sizes.set(item, size);
    return size;
  }

  #expire(): void {
    const oldest = this.#now() - this.#bounds.maxAgeMs;
    for (const [id, { storedAt }] of this.#entries) {
      if (storedAt > oldest) break;
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#numBytes -= entry.numBytes;
    for (const item of [...entry.input, ...entry.response.output]) {
      if (this.#owners.get(item.id) === id) this.#owners.delete(item.id);
    }
  }
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}
