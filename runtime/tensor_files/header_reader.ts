/**
 * Reads the header of a model file front to back, a piece at a time, and never believes a length: every read is
 * checked against the file's size and {@linkcode MAX_HEADER_BYTES} before memory is taken.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { sizeOfRegularFile } from "./regular_file.ts";

/** More header than any real model has; a longer one is refused. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;

/** A cursor over the first bytes of a file. Numbers are little-endian. */
export class HeaderReader implements Disposable {
  /** Size of the whole file, bytes. */
  readonly size: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #chunk = new Uint8Array(0);
  #view = new DataView(this.#chunk.buffer);
  /** Position in the chunk. */
  #at = 0;
  /** File offset of the chunk's end. */
  #end = 0;

  /** @throws {LoadError} if the file cannot be opened */
  constructor(path: string) {
    this.#path = path;
    try {
      sizeOfRegularFile(path);
      this.#file = Deno.openSync(path);
    } catch (error) {
      throw new LoadError(`Cannot load ${path}: ${error instanceof Error ? error.message : error}`);
    }
    this.size = this.#file.statSync().size;
  }

  /** File offset of the next byte. */
  get offset(): number {
    return this.#end - this.#chunk.length + this.#at;
  }

  /** Bytes from here to the end of the file. */
  get remaining(): number {
    return this.size - this.offset;
  }

  /** An unsigned 32-bit number; `what` names it in errors. */
  u32(what: string): number {
    const at = this.#take(4, what);
    return this.#view.getUint32(at, true);
  }

  /** An unsigned 64-bit number. @throws {LoadError} if it is beyond 2^53 */
  u64(what: string): number {
    const at = this.#take(8, what);
    const value = this.#view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.error(`${what} is ${value}`);
    return Number(value);
  }

  /** A number of things that take at least `leastBytes` each. @throws {LoadError} if the file cannot hold them */
  count(what: string, leastBytes: number): number {
    const count = this.u64(what);
    if (count * leastBytes > this.remaining) {
      throw this.error(`${what} is ${count}, but only ${this.remaining} bytes follow`);
    }
    return count;
  }

  /** The next `length` bytes; valid until the next read. */
  bytes(length: number, what: string): Uint8Array<ArrayBuffer> {
    const at = this.#take(length, what);
    return this.#chunk.subarray(at, at + length);
  }

  /** A string with a 64-bit length before it. */
  string(what: string): string {
    const bytes = this.bytes(this.u64(what), what);
    if (bytes.length > 64) return this.#decoder.decode(bytes);
    // Vocabularies hold 100,000 short strings: a decoder call for each would cost more than the rest of the header.
    let text = "";
    for (const byte of bytes) {
      if (byte >= 0x80) return this.#decoder.decode(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** The error for this file. */
  error(reason: string): LoadError {
    return new LoadError(`Cannot load ${this.#path}: ${reason}`);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Position of the next `length` bytes in the chunk, which is refilled as needed. */
  #take(length: number, what: string): number {
    if (this.#at + length > this.#chunk.length) this.#refill(length, what);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #refill(length: number, what: string): void {
    const offset = this.offset;
    if (length > this.size - offset) {
      throw this.error(
        `the file ends inside ${what} (${length} bytes at offset ${offset}, file has ${this.size})`,
      );
    }
    if (offset + length > MAX_HEADER_BYTES) {
      throw this.error(`${what} reaches beyond the largest header allowed, ${MAX_HEADER_BYTES} bytes`);
    }
    const chunk = new Uint8Array(Math.min(Math.max(length, CHUNK_BYTES), this.size - offset));
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < chunk.length;) {
      const read = this.#file.readSync(chunk.subarray(filled));
      if (read === null) throw this.error(`the file became shorter while reading ${what}`);
      filled += read;
    }
    this.#chunk = chunk;
    this.#view = new DataView(chunk.buffer);
    this.#at = 0;
    this.#end = offset + chunk.length;
  }
}
