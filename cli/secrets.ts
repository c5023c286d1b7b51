/**
 * Secrets: values that no log and no error shows.
 *
 * @module
 */

/** Text shown in place of a secret. */
export const MASK = "******";

/** True for a flag, written in any form, whose value is a secret. */
export function isSecret(name: string): boolean {
  return /^(--)?(admin.)?(api.key|ssl.keyfile.password|watermark.config)$/.test(name);
}
