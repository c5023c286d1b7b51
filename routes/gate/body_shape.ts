/**
 * Refuses bodies that are small in bytes and huge as JavaScript values. `JSON.parse` cannot be interrupted: 4 MiB of
 * text take it 3 ms, of brackets 450 ms, of empty lists 150 ms. So brackets and keys are counted first, in slices.
 *
 * @module
 */
import { InvalidRequestError } from "../../runtime/contracts/errors.ts";
import { Slices } from "../answers/slices.ts";

/** Shorter bodies cannot hold anybody up. */
const minChars = 64 * 1024;
/** No request nests deeper than a handful. */
const maxDepth = 64;
/** A conversation of 8192 messages, each with a few parts, has as many. */
const maxContainers = 65_536;
const maxKeys = 50_000;
/** Token ids of three digits fill the largest body with as many. */
const maxValues = 1_048_576;

/** Characters and strings looked at before others may get a turn. */
const stepsPerSlice = 65_536;

/**
 * Counts what a body of JSON is made of. What is wrong with its syntax is left to the parser.
 *
 * @throws {InvalidRequestError} if it nests too deep, or has too many lists, objects or keys
 */
export async function checkShape(json: string): Promise<void> {
  if (json.length < minChars) return;
  const slices = new Slices();
  let depth = 0, numContainers = 0, numKeys = 0, numValues = 0, isInString = false;
  for (let at = 0, steps = 1; at < json.length; at++, steps++) {
    if (isInString) {
      const quote = json.indexOf('"', at);
      at = quote < 0 ? json.length : quote;
      isInString = isEscaped(json, at);
    } else {
      switch (json.charCodeAt(at)) {
        case 0x22: // "
          isInString = true;
          break;
        case 0x5b: // [
        case 0x7b: // {
          if (++depth > maxDepth) throwInvalidField(`it is nested deeper than ${maxDepth} levels`);
          if (++numContainers > maxContainers) {
            throwInvalidField(`it has more than ${maxContainers} lists and objects`);
          }
          break;
        case 0x5d: // ]
        case 0x7d: // }
          depth--;
          break;
        case 0x3a: // :
          if (++numKeys > maxKeys) throwInvalidField(`it has more than ${maxKeys} object keys`);
          break;
        case 0x2c: // ,
          if (++numValues > maxValues) throwInvalidField(`it has more than ${maxValues} values`);
          break;
      }
    }
    if (steps % stepsPerSlice === 0) await slices.yieldTurn();
  }
}

/** Whether an odd number of backslashes stands before `at`. */
function isEscaped(json: string, at: number): boolean {
  let numBackslashes = 0;
  while (json.charCodeAt(at - 1 - numBackslashes) === 0x5c) numBackslashes++;
  return numBackslashes % 2 === 1;
}

function throwInvalidField(reason: string): never {
  throw new InvalidRequestError(`Cannot read body: ${reason}`, "body");
}
