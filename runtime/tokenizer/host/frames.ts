/**
 * Frames between the server and a tokenizer host: lengths of the parts, a head of JSON, raw tokens.
 *
 * @module
 */
import type { WireError } from "../../contracts/errors.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "../../contracts/chat.ts";
import type { TokenizerSource } from "../source.ts";

/** What a host is asked; it answers one request after the other. */
export type HostRequest =
  | { readonly type: "load"; readonly source: TokenizerSource }
  | { readonly type: "encode"; readonly text: string; readonly options?: EncodeOptions | undefined }
  | {
    readonly type: "renderChat";
    readonly messages: readonly ChatMessage[];
    readonly options: RenderOptions & { readonly contextLength?: number };
  };

/** What a host answers. After `built` comes `tokens`, the tokens of a first short text. */
export type HostReply =
  | { readonly type: "built" }
  | { readonly type: "tokens" }
  | { readonly type: "failed"; readonly error: WireError };

/** A frame as it arrived. */
export interface Frame<Head> {
  readonly head: Head;
  readonly tokens: Int32Array;
}

/** Two u32: bytes of the head, number of tokens. */
const LENGTHS_BYTES = 8;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** A frame's bytes. Hosts run on the machine that writes them, so that numbers need no fixed order of bytes. */
export function toFrame(head: HostRequest | HostReply, tokens: Int32Array = new Int32Array(0)): Uint8Array {
  const json = ENCODER.encode(JSON.stringify(head));
  const frame = new Uint8Array(LENGTHS_BYTES + json.length + tokens.byteLength);
  frame.set(new Uint8Array(Uint32Array.of(json.length, tokens.length).buffer));
  frame.set(json, LENGTHS_BYTES);
  frame.set(
    new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength),
    LENGTHS_BYTES + json.length,
  );
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
      const [headBytes, numTokens] = new Uint32Array(bytes.slice(0, LENGTHS_BYTES).buffer) as unknown as [
        number,
        number,
      ];
      const tokensAt = LENGTHS_BYTES + headBytes;
      this.#frameBytes = tokensAt + 4 * numTokens;
      if (bytes.length < this.#frameBytes) break;
      frames.push({
        head: JSON.parse(DECODER.decode(bytes.subarray(LENGTHS_BYTES, tokensAt))),
        tokens: new Int32Array(bytes.slice(tokensAt, this.#frameBytes).buffer),
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
