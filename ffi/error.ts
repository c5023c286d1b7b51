/**
 * NativeError: thrown when the native library cannot be built or opened, or a call of it fails.
 *
 * @module
 */

/** Codes of `aerie_status`, by its numbers; 0 is no error. */
const STATUS_CODES = [
  undefined,
  "bad_argument",
  "bad_shape",
  "bad_handle",
  "out_of_memory",
  "unsupported",
  "device",
  "internal",
] as const;

/** What went wrong: a build, opening the library, or the status of a call. */
export type NativeErrorCode = "cannot_build" | "cannot_open" | NonNullable<typeof STATUS_CODES[number]>;

/** The native library cannot be built or opened, or refused a call; the message of a call is the library's own. */
export class NativeError extends Error {
  /** Stable name of the kind of error. */
  readonly code: NativeErrorCode;

  constructor(message: string, code: NativeErrorCode) {
    super(message);
    this.name = "NativeError";
    this.code = code;
  }
}

/** The code of an `aerie_status` other than 0; `internal` for a number that aerie.h does not have. */
export function codeOfStatus(status: number): NativeErrorCode {
  return STATUS_CODES[status] ?? "internal";
}

/** The native library cannot be built, for this reason. */
export function cannotBuild(reason: string): NativeError {
  return new NativeError(`Cannot build the native library: ${reason}`, "cannot_build");
}
