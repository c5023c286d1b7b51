/**
 * Sizes of memory as the log writes them.
 *
 * @module
 */

/** Bytes as `1.25 GB`, of 2^30 bytes each as SGLang counts them. */
export function gigabytes(bytes: number, numDigits = 2): string {
  return `${(bytes / 2 ** 30).toFixed(numDigits)} GB`;
}
