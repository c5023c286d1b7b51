/**
 * Python's operators on values.
 *
 * @module
 */
import { JinjaError, typeError } from "./errors.ts";
import { escapeHtml } from "./escape.ts";
import { checkItems } from "./iterate.ts";
import { formatPercent } from "./percent_format.ts";
import { checkLength } from "./python_text.ts";
import { isList, Markup, numberOf, textOf, Tuple, typeNameOf, Undefined, type Value } from "./values.ts";

/** The operators of two numbers, by their nodes. */
export type BinaryOperator = "Add" | "Sub" | "Mul" | "Div" | "FloorDiv" | "Mod" | "Pow";

const SYMBOLS: Readonly<Record<BinaryOperator, string>> = {
  Add: "+",
  Sub: "-",
  Mul: "*",
  Div: "/",
  FloorDiv: "//",
  Mod: "%",
  Pow: "** or pow()",
};

/** Most bits of a power; Python has no limit and needs minutes for more. */
const MAX_POWER_BITS = 1_000_000n;

/**
 * `left <operator> right`.
 *
 * @throws {JinjaError} TypeError, ZeroDivisionError, OverflowError, UndefinedError
 */
export function calculate(operator: BinaryOperator, left: Value, right: Value): Value {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return calculateNumbers(operator, a, b);
  const result = onSequences(operator, left, right);
  if (result !== undefined) return result;
  for (const value of [left, right]) if (value instanceof Undefined) throw value.error();
  throw typeError(
    `unsupported operand type(s) for ${SYMBOLS[operator]}: '${typeNameOf(left)}' and '${typeNameOf(right)}'`,
  );
}

function onSequences(operator: BinaryOperator, left: Value, right: Value): Value | undefined {
  if (operator === "Add") return concatenate(left, right);
  if (operator === "Mul") {
    if (typeof right === "bigint" || typeof right === "boolean") {
      return repeat(left, numberOf(right) as bigint);
    }
    if (typeof left === "bigint" || typeof left === "boolean") return repeat(right, numberOf(left) as bigint);
  }
  const text = textOf(left);
  if (operator === "Mod" && text !== undefined) {
    const formatted = formatPercent(text, right);
    return left instanceof Markup ? new Markup(formatted) : formatted;
  }
  return undefined;
}

function concatenate(left: Value, right: Value): Value | undefined {
  if (isList(left) && isList(right)) {
    checkItems(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Tuple && right instanceof Tuple) return new Tuple([...left.items, ...right.items]);
  const [a, b] = [textOf(left), textOf(right)];
  if (a === undefined || b === undefined) {
    if (a !== undefined && !(right instanceof Undefined)) {
      throw typeError(`can only concatenate str (not "${typeNameOf(right)}") to str`);
    }
    return undefined;
  }
  checkLength(a.length + b.length);
  if (!(left instanceof Markup) && !(right instanceof Markup)) return a + b;
  return new Markup(
    (left instanceof Markup ? a : escapeHtml(a)) + (right instanceof Markup ? b : escapeHtml(b)),
  );
}

function repeat(value: Value, given: bigint): Value | undefined {
  const times = given < 0n ? 0n : given;
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  const text = textOf(value);
  if (items === undefined && text === undefined) return undefined;
  if (BigInt.asIntN(64, given) !== given) {
    throw new JinjaError("OverflowError", "cannot fit 'int' into an index-sized integer");
  }
  if (items !== undefined) {
    checkItems(BigInt(items.length) * times);
    const all = Array.from({ length: items.length * Number(times) }, (_, i) => items[i % items.length]!);
    return isList(value) ? all : new Tuple(all);
  }
  checkLength(Number(BigInt(text!.length) * times));
  const repeated = text!.repeat(Number(times));
  return value instanceof Markup ? new Markup(repeated) : repeated;
}

function calculateNumbers(operator: BinaryOperator, a: bigint | number, b: bigint | number): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return calculateIntegers(operator, a, b);
  return calculateFloats(operator, toFloat(a), toFloat(b));
}

function calculateIntegers(operator: BinaryOperator, a: bigint, b: bigint): Value {
  switch (operator) {
    case "Add":
      return a + b;
    case "Sub":
      return a - b;
    case "Mul":
      return a * b;
    case "Div":
      if (b === 0n) throw divisionByZero("division by zero");
      return toFloat(a) / toFloat(b);
    case "FloorDiv": {
      if (b === 0n) throw divisionByZero("integer division or modulo by zero");
      const quotient = a / b;
      return a % b !== 0n && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient;
    }
    case "Mod": {
      if (b === 0n) throw divisionByZero("integer modulo by zero");
      const rest = a % b;
      return rest !== 0n && (rest < 0n) !== (b < 0n) ? rest + b : rest;
    }
    case "Pow":
      if (b < 0n) return calculateFloats("Pow", toFloat(a), toFloat(b));
      if (BigInt(a.toString(16).length * 4) * b > MAX_POWER_BITS) {
        throw new JinjaError("LimitError", `the template raises a number to the power of ${b}`);
      }
      return a ** b;
  }
}

function calculateFloats(operator: BinaryOperator, a: number, b: number): Value {
  switch (operator) {
    case "Add":
      return a + b;
    case "Sub":
      return a - b;
    case "Mul":
      return a * b;
    case "Div":
      if (b === 0) throw divisionByZero("float division by zero");
      return a / b;
    case "FloorDiv":
      if (b === 0) throw divisionByZero("float floor division by zero");
      return Math.round((a - modulo(a, b)) / b) || 0 * Math.sign(a) * Math.sign(b);
    case "Mod":
      if (b === 0) throw divisionByZero("float modulo");
      return modulo(a, b);
    case "Pow":
      return power(a, b);
  }
}

function modulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && (rest < 0) !== (b < 0) ? rest + b : rest === 0 ? Math.sign(b) * 0 : rest;
}

function power(a: number, b: number): number {
  if (a === 0 && b < 0) throw divisionByZero("0.0 cannot be raised to a negative power");
  const result = a ** b;
  if (Number.isNaN(result) && !Number.isNaN(a) && !Number.isNaN(b)) {
    throw new JinjaError("UnsupportedError", "complex numbers");
  }
  if (!Number.isFinite(result) && Number.isFinite(a) && Number.isFinite(b)) {
    throw new JinjaError("OverflowError", "Numerical result out of range");
  }
  return result;
}

/** The sign before a value. */
export function applySign(sign: "Neg" | "Pos", value: Value): Value {
  const number = numberOf(value);
  if (number !== undefined) return sign === "Neg" ? -number : number;
  if (value instanceof Undefined) throw value.error();
  throw typeError(`bad operand type for unary ${sign === "Neg" ? "-" : "+"}: '${typeNameOf(value)}'`);
}

/** `float(number)`. */
function toFloat(number: bigint | number): number {
  const float = Number(number);
  if (typeof number === "bigint" && !Number.isFinite(float)) {
    throw new JinjaError("OverflowError", "int too large to convert to float");
  }
  return float;
}

function divisionByZero(message: string): JinjaError {
  return new JinjaError("ZeroDivisionError", message);
}
