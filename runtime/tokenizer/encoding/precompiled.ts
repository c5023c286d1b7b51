/**
 * SentencePiece's character map, as tokenizer.json carries it: a double-array trie over UTF-8 from texts to their
 * normalized form. Format: sentencepiece's normalizer.cc, `DecodePrecompiledCharsMap`.
 *
 * @module
 */
import type { StepReader } from "./step.ts";

const UTF8 = new TextEncoder();

/** Bytes of a grapheme from which on its characters are looked up one by one. */
const LONG_GRAPHEME = 6;

/** A character map. */
export class CharacterMap {
  readonly #trie: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
  readonly #known = new Map<string, string | undefined>();

  /**
   * Reads the map of a `Precompiled` step.
   *
   * @throws {LoadError} if it is cut short
   */
  constructor(step: StepReader) {
    const bytes = fromBase64(step.string("precompiled_charsmap"), step);
    if (bytes.length < 4) throw step.refuse("has no character map");
    const view = new DataView(bytes.buffer);
    const trieBytes = view.getUint32(0, true);
    if (trieBytes % 4 !== 0 || trieBytes === 0 || 4 + trieBytes > bytes.length) {
      throw step.refuse(`has a trie of ${trieBytes} bytes in a map of ${bytes.length}`);
    }
    this.#trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#texts = bytes.subarray(4 + trieBytes);
  }

  /**
   * The normalized text. Short graphemes are looked up whole, of which the shortest beginning that the map knows
   * stands for all; so the Rust library has it, and SentencePiece's models are used with it.
   */
  normalize(text: string): string {
    let normalized = "";
    for (const { segment } of this.#graphemes.segment(text)) {
      normalized += this.#lookUp(segment) ??
        [...segment].map((character) => this.#lookUp(character) ?? character).join("");
    }
    return normalized;
  }

  #lookUp(text: string): string | undefined {
    if (text.length >= LONG_GRAPHEME) return undefined;
    if (this.#known.has(text)) return this.#known.get(text);
    const bytes = UTF8.encode(text);
    const found = bytes.length < LONG_GRAPHEME ? this.#find(bytes) : undefined;
    if (this.#known.size < 1 << 16) this.#known.set(text, found);
    return found;
  }

  #find(bytes: Uint8Array): string | undefined {
    let node = 0, unit = this.#trie[0]!;
    node ^= offsetOf(unit);
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      node ^= byte;
      const next = this.#trie[node];
      if (next === undefined || labelOf(next) !== byte) return undefined;
      unit = next;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) return this.#textAt((this.#trie[node] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      this.#texts.subarray(start, end < 0 ? undefined : end),
    );
  }
}

function labelOf(unit: number): number {
  return (unit & 0x800000ff) >>> 0;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
}

function fromBase64(text: string, step: StepReader): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw step.refuse("has a character map that is not base64");
  }
}
