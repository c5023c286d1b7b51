/**
 * The error of a wrong command line.
 *
 * @module
 */
import { AerieError } from "../runtime/contracts/errors.ts";

/** The command line, or what stands in for a part of it, is wrong. Ends start-up. */
export class UsageError extends AerieError {
  /** `message` names the flag, variable or key at fault. */
  constructor(message: string) {
    super("invalid_request", message);
  }
}
