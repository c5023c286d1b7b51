/**
 * Vectors of float32 numbers in answers.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Digits after which no two numbers of float32 read the same. */
const FLOAT32_DIGITS = 9;

/** The numbers of a vector as JSON writes them: in decimals that name them, not in those of the double beside them. */
export function toNumbers(vector: Float32Array): number[] {
  return Array.from(vector, (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
}

/** Base64 of a vector's numbers, four bytes each, the lowest first, as OpenAI's clients read them. */
export function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
