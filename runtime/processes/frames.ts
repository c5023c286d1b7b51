/**
 * Frames between this process and a child: lengths of the parts, a head of JSON, raw bytes.
 *
 * @module
 */

/** A frame as it arrived. */
export interface Frame<Head> {
  readonly head: Head;
  /** Owns its buffer, so that it can be read as numbers of any kind. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Two u32: bytes of the head, bytes of the body. */
const LENGTHS_BYTES = 8;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/**
 * What goes before a frame's body: the lengths and the head. Both ends run on one machine, so that numbers need no fixed
 * order of bytes.
 */
export function frameStart(head: unknown, bodyBytes: number): Uint8Array {
  const json = ENCODER.encode(JSON.stringify(head));
  const start = new Uint8Array(LENGTHS_BYTES + json.length);
  start.set(new Uint8Array(Uint32Array.of(json.length, bodyBytes).buffer));
  start.set(json, LENGTHS_BYTES);
  return start;
}

/** A frame's bytes; `body` is any typed array. */
export function toFrame(head: unknown, body: ArrayBufferView = new Uint8Array(0)): Uint8Array {
  const start = frameStart(head, body.byteLength);
  const frame = new Uint8Array(start.length + body.byteLength);
  frame.set(start);
  frame.set(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), start.length);
  return frame;
}

/** Puts the pieces that a pipe delivers together to frames. */
export class FrameReader<Head> {
  #pieces: Uint8Array[] = [];
  #numBytes = 0;
  /** Bytes of the frame that is arriving; undefined before its lengths are here. */
  #frameBytes: number | undefined;

  /** Takes a piece, which must not change afterwards; returns the frames that it completes. */
  push(piece: Uint8Array): Frame<Head>[] {
    this.#pieces.push(piece);
    this.#numBytes += piece.length;
    const frames: Frame<Head>[] = [];
    while (this.#numBytes >= (this.#frameBytes ?? LENGTHS_BYTES)) {
      const bytes = this.#join();
      const [headBytes, bodyBytes] = new Uint32Array(bytes.slice(0, LENGTHS_BYTES).buffer) as unknown as [
        number,
        number,
      ];
      const bodyAt = LENGTHS_BYTES + headBytes;
      this.#frameBytes = bodyAt + bodyBytes;
      if (bytes.length < this.#frameBytes) break;
      frames.push({
        head: JSON.parse(DECODER.decode(bytes.subarray(LENGTHS_BYTES, bodyAt))),
        body: bytes.slice(bodyAt, this.#frameBytes) as Uint8Array<ArrayBuffer>,
      });
      this.#numBytes = bytes.length - this.#frameBytes;
      this.#pieces = this.#numBytes === 0 ? [] : [bytes.subarray(this.#frameBytes)];
      this.#frameBytes = undefined;
    }
    return frames;
  }

  #join(): Uint8Array {
    if (this.#pieces.length > 1) {
      const bytes = new Uint8Array(this.#numBytes);
      let at = 0;
      for (const piece of this.#pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      this.#pieces = [bytes];
    }
    return this.#pieces[0]!;
  }
}
