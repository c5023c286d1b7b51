/**
 * The error of a wrong command line.
 *
 * @module
 */
import { AerieError } from "../runtime/contracts/errors.ts";

/** The command line, or what stands in for a part of it, is wrong. Ends start-up. */
export class UsageError extends AerieError {
  constructor(message: string) {
    super("invalid_request", message);
  }
}
