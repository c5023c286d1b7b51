/**
 * Numbers of JSON within bounds as expressions. Every text has few enough digits to mean the number that it says, so
 * that bounds hold of the number that is read.
 *
 * @module
 */
import { codePoints, DIGITS } from "./code_points.ts";
import {
  choice,
  EMPTY,
  type Expression,
  NOTHING,
  oneOf,
  optional,
  repeat,
  sequence,
  text,
} from "./expression.ts";
import type { NumberBranch } from "./schema_branches.ts";

/** Digits of an integer: every number of as many is a different double. */
const MAX_DIGITS = 15;
/** Most values that are written out to be multiples of a number. */
const MAX_MULTIPLES = 1000;

const digit = oneOf(DIGITS);
const digits = (first: number, last: number) =>
  first > last ? NOTHING : oneOf(codePoints([[48 + first, 48 + last]]));

const NATURAL = choice(text("0"), sequence(digits(1, 9), repeat(digit, 0, MAX_DIGITS - 1)));
const POSITIVE = sequence(digits(1, 9), repeat(digit, 0, MAX_DIGITS - 1));

/** Any integer. */
export const INTEGER: Expression = choice(text("0"), sequence(optional(text("-")), POSITIVE));

/** Any number. */
export const NUMBER: Expression = sequence(
  optional(text("-")),
  NATURAL,
  optional(sequence(text("."), repeat(digit, 1, MAX_DIGITS))),
  optional(
    sequence(
      oneOf(codePoints([[0x45, 0x45], [0x65, 0x65]])),
      optional(oneOf(codePoints([[0x2b, 0x2b], [0x2d, 0x2d]]))),
      repeat(digit, 1, 2),
    ),
  ),
);

/** The numbers of a branch; undefined if their texts cannot be told. Nothing if none has few enough digits. */
export function numberOf(branch: NumberBranch): Expression | undefined {
  const { isInteger, min, max, divisors } = branch;
  if (divisors.length > 0) return multiplesOf(branch);
  if (min === -Infinity && max === Infinity) return isInteger ? INTEGER : NUMBER;
  const low = boundOf(min, branch.isAbove), high = boundOf(max, branch.isBelow);
  if (!low || !high) return undefined;
  const options: Expression[] = [];
  if (!isNegative(high)) options.push(between(isNegative(low) ? ZERO : low, high, isInteger));
  if (isNegative(low)) {
    const from = isNegative(high) ? negated(high) : { ...ZERO, isExclusive: true };
    options.push(sequence(text("-"), between(from, negated(low), isInteger)));
  }
  return choice(...options);
}

/** A bound in decimal digits: `whole` without leading, `fraction` without trailing zeros. */
interface Bound {
  readonly isMinus: boolean;
  readonly whole: bigint;
  readonly fraction: string;
  readonly isExclusive: boolean;
}

const ZERO: Bound = { isMinus: false, whole: 0n, fraction: "", isExclusive: false };
const LIMIT = 10n ** BigInt(MAX_DIGITS);

/** Undefined: the number has too many digits. */
function boundOf(value: number, isExclusive: boolean): Bound | undefined {
  if (Math.abs(value) >= Number(LIMIT)) {
    return { isMinus: value < 0, whole: LIMIT, fraction: "", isExclusive: true };
  }
  const written = decimal(Math.abs(value));
  const [whole = "0", fraction = ""] = written.split(".");
  if (whole.length + fraction.length > MAX_DIGITS) return undefined;
  return { isMinus: value < 0, whole: BigInt(whole), fraction, isExclusive };
}

/** A number without an exponent. */
function decimal(value: number): string {
  const [mantissa = "0", exponent] = String(value).split("e-");
  if (exponent === undefined) return mantissa;
  return `0.${"0".repeat(Number(exponent) - 1)}${mantissa.replace(".", "")}`;
}

function isNegative({ isMinus }: Bound): boolean {
  return isMinus;
}

function negated(bound: Bound): Bound {
  return { ...bound, isMinus: !bound.isMinus };
}

/** Texts of numbers from `low` to `high`, both at least 0, without sign. */
function between(low: Bound, high: Bound, isInteger: boolean): Expression {
  if (isInteger) {
    const from = low.whole + (low.fraction !== "" || low.isExclusive ? 1n : 0n);
    const to = high.whole - (high.fraction === "" && high.isExclusive ? 1n : 0n);
    return integersBetween(from, to);
  }
  const point = (fraction: Expression) => sequence(text("."), fraction);
  if (low.whole === high.whole) {
    const isWhole = low.fraction === "" && !low.isExclusive && !(high.fraction === "" && high.isExclusive);
    return sequence(
      text(String(low.whole)),
      choice(isWhole ? EMPTY : NOTHING, point(fractionsBetween(low, high, roomOf(low)))),
    );
  }
  const room = high.whole >= LIMIT ? MAX_DIGITS - 1 : roomOf(high);
  const any = room === 0 ? EMPTY : optional(point(repeat(digit, 1, room)));
  const lowest = low.fraction === "" && !low.isExclusive
    ? any
    : point(fractionsBetween(low, undefined, roomOf(low)));
  const highest = choice(
    high.fraction === "" && high.isExclusive ? NOTHING : EMPTY,
    point(fractionsBetween({ ...ZERO, whole: high.whole }, high, roomOf(high))),
  );
  return choice(
    sequence(text(String(low.whole)), lowest),
    sequence(integersBetween(low.whole + 1n, high.whole - 1n), any),
    high.whole >= LIMIT ? NOTHING : sequence(text(String(high.whole)), highest),
  );
}

/** Digits that may stand behind the point of numbers next to a bound. */
function roomOf({ whole, fraction }: Bound): number {
  return Math.max(MAX_DIGITS - String(whole).length, fraction.length, 0);
}

/** Digits behind the point from those of `low` to those of `high`, which have the same whole part. */
function fractionsBetween(low: Bound, high: Bound | undefined, room: number): Expression {
  const lower = low.fraction, upper = high?.fraction;
  const go = (at: number, isLow: boolean, isHigh: boolean): Expression => {
    const isPastLow = !isLow || at >= lower.length;
    // All digits of the bound are there: the number equals it, or is above it with any digit but zeros behind.
    const reached = isPastLow && !(isLow && low.isExclusive);
    const isAtHigh = isHigh && upper !== undefined && at >= upper.length;
    const mayEnd = at > 0 && reached && !(isAtHigh && high?.isExclusive);
    if (at === room) return mayEnd ? EMPTY : NOTHING;
    if (isAtHigh) return high?.isExclusive ? NOTHING : mayEnd ? repeat(text("0"), 0, room - at) : NOTHING;
    const isFree = !isHigh && isPastLow && !(isLow && low.isExclusive);
    if (isFree) return repeat(digit, at === 0 ? 1 : 0, room - at);
    const from = isLow ? Number(lower[at] ?? "0") : 0,
      to = isHigh && upper !== undefined ? Number(upper[at]) : 9;
    if (from > to) return NOTHING;
    const options: Expression[] = mayEnd ? [EMPTY] : [];
    if (from === to) {
      options.push(sequence(text(String(from)), go(at + 1, isLow, isHigh)));
    } else {
      options.push(sequence(text(String(from)), go(at + 1, isLow, false)));
      const inner = digits(from + 1, to - (isHigh ? 1 : 0));
      options.push(sequence(inner, repeat(digit, 0, room - at - 1)));
      if (isHigh) options.push(sequence(text(String(to)), go(at + 1, false, true)));
    }
    return choice(...options);
  };
  return go(0, true, upper !== undefined);
}

/** Texts of integers from `from` to `to`, both at least 0. */
function integersBetween(from: bigint, to: bigint): Expression {
  const options: Expression[] = [];
  for (let length = 1; length <= MAX_DIGITS; length++) {
    const first = length === 1 ? 0n : 10n ** BigInt(length - 1), last = 10n ** BigInt(length) - 1n;
    const low = from > first ? from : first, high = to < last ? to : last;
    if (low > high) continue;
    if (low === first && length > 1 && high === last) {
      // As many lengths as are whole are one option.
      let longest = length;
      while (longest < MAX_DIGITS && to >= 10n ** BigInt(longest + 1) - 1n) longest++;
      options.push(sequence(digits(1, 9), repeat(digit, length - 1, longest - 1)));
      length = longest;
    } else options.push(ofOneLength(String(low), String(high)));
  }
  return choice(...options);
}

/** Digits from `low` to `high`, which have the same number of digits. */
function ofOneLength(low: string, high: string): Expression {
  if (low.length === 0) return EMPTY;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(digit, low.length, low.length);
  const from = Number(low[0]), to = Number(high[0]), length = low.length - 1;
  const lowRest = low.slice(1), highRest = high.slice(1);
  if (from === to) return sequence(text(String(from)), ofOneLength(lowRest, highRest));
  const isLowWhole = /^0*$/.test(lowRest), isHighWhole = /^9*$/.test(highRest);
  return choice(
    isLowWhole ? NOTHING : sequence(text(String(from)), ofOneLength(lowRest, "9".repeat(length))),
    sequence(digits(isLowWhole ? from : from + 1, isHighWhole ? to : to - 1), repeat(digit, length, length)),
    isHighWhole ? NOTHING : sequence(text(String(to)), ofOneLength("0".repeat(length), highRest)),
  );
}

/** Multiples, written out one by one; of a power of ten by their last digits. */
function multiplesOf({ min, max, isAbove, isBelow, divisors }: NumberBranch): Expression | undefined {
  const divisor = divisors.reduce((a, b) => a * b / gcd(a, b));
  if (!Number.isSafeInteger(divisor)) return undefined;
  const first = isAbove ? Math.floor(min / divisor) + 1 : Math.ceil(min / divisor);
  const last = isBelow ? Math.ceil(max / divisor) - 1 : Math.floor(max / divisor);
  if (last - first < MAX_MULTIPLES) {
    const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * divisor);
    return choice(
      ...values.filter((value) => Math.abs(value) < Number(LIMIT)).map((value) => text(String(value + 0))),
    );
  }
  // A divisor of a power of ten shows in as many last digits.
  const numLast = [1, 2, 3].find((power) => 10 ** power % divisor === 0);
  if (numLast === undefined || min !== -Infinity || max !== Infinity) return undefined;
  const multiples = Array.from({ length: 10 ** numLast / divisor }, (_, i) => String(i * divisor));
  const long = sequence(
    digits(1, 9),
    repeat(digit, 0, MAX_DIGITS - numLast - 1),
    choice(...multiples.map((last) => text(last.padStart(numLast, "0")))),
  );
  const short = multiples.filter((multiple) => multiple !== "0").map(text);
  return choice(text("0"), sequence(optional(text("-")), choice(...short, long)));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
