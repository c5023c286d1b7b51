/**
 * Reads opcodes and their arguments from the bytes of a pickle.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";

/** A position in a pickle; every method reads what stands there and moves behind it, or throws a {@linkcode LoadError}. */
export class PickleBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #at = 0;

  /** `what` names the pickle in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** An unsigned byte. */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** An unsigned number of 16 bits. */
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  /** A signed number of 32 bits. */
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** An unsigned number of 32 bits. */
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A float of 64 bits, which pickles have in big-endian order. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A signed number of `length` bytes; beyond 2^53 it is refused. */
  long(length: number): number {
    let value = 0n;
    const start = this.#take(length);
    for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(this.#bytes[start + i]!);
    const number = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(number)) throw this.error("it holds a number beyond 2^53");
    return number;
  }

  /** A text of `length` bytes. */
  text(length: number): string {
    const start = this.#take(length);
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw this.error("a text in it is not UTF-8");
    }
  }

  /** A text up to a line feed. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.error("it ends early");
    const line = this.text(end - this.#at);
    this.skip(1);
    return line;
  }

  /** Passes over `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /** The error for this pickle. */
  error(reason: string): LoadError {
    return new LoadError(`Cannot read ${this.#what}: ${reason}`);
  }

  /** Position of the next `length` bytes. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw this.error("it ends early");
    this.#at += length;
    return at;
  }
}
