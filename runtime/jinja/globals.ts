/**
 * The functions that every template has: jinja2's and those that transformers adds.
 *
 * @module
 */
import { bind } from "./arguments.ts";
import { makeDict } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { iterate, listOf, unpack } from "./iterate.ts";
import { strftime } from "./strftime.ts";
import { stringOf } from "./to_text.ts";
import {
  AttributeObject,
  Callable,
  type CallArguments,
  Dict,
  Namespace,
  Range,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";

/** Most numbers of a range, as the sandbox has it. */
const MAX_RANGE = 100_000;

/** Variables of jinja2 that no chat template needs; templates that name one are refused. */
export const UNSUPPORTED_GLOBALS: ReadonlySet<string> = new Set(["lipsum", "self"]);

/** The functions by name. `now` is the time that `strftime_now` writes. */
export function makeGlobals(now: () => Date): ReadonlyMap<string, Value> {
  const functions = [
    new Callable("range", ({ positional, named }) => {
      if (named.size > 0) throw typeError("range() takes no keyword arguments");
      return makeRange(positional);
    }),
    new Callable("dict", dictOf),
    new Callable("namespace", (args) => {
      const namespace = new Namespace();
      for (const [key, value] of dictOf(args).entries.values()) namespace.assign(stringOf(key), value);
      return namespace;
    }),
    new Callable("cycler", ({ positional }) => new Cycler(positional)),
    new Callable("joiner", (args) => {
      const separator = bind("joiner", ["sep"], args).get("sep") ?? ", ";
      let isUsed = false;
      return new Callable("joiner", () => {
        const text = isUsed ? separator : "";
        isUsed = true;
        return text;
      });
    }),
    new Callable("raise_exception", (args) => {
      throw new JinjaError(
        "TemplateError",
        stringOf(bind("raise_exception", ["message"], args).need("message")),
      );
    }),
    new Callable(
      "strftime_now",
      (args) => strftime(bind("strftime_now", ["format"], args).text("format"), now()),
    ),
  ];
  return new Map(functions.map((one) => [one.name, one]));
}

function makeRange(args: readonly Value[]): Range {
  const numbers = args.map((value) => {
    if (typeof value === "bigint" || typeof value === "boolean") return BigInt(value);
    if (value instanceof Undefined) throw value.error();
    throw typeError(`'${typeNameOf(value)}' object cannot be interpreted as an integer`);
  });
  const [first, second, step = 1n] = numbers;
  if (first === undefined || numbers.length > 3) {
    throw typeError(`range expected 1 to 3 arguments, got ${numbers.length}`);
  }
  if (step === 0n) throw new JinjaError("ValueError", "range() arg 3 must not be zero");
  const range = second === undefined ? new Range(0n, first, 1n) : new Range(first, second, step);
  if (range.length > MAX_RANGE) {
    throw new JinjaError(
      "OverflowError",
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
    );
  }
  return range;
}

/** `dict(...)`. */
function dictOf({ positional, named }: CallArguments): Dict {
  if (positional.length > 1) throw typeError(`dict expected at most 1 argument, got ${positional.length}`);
  const [given] = positional;
  const first = given === undefined ? [] : given instanceof Dict ? given.entries.values() : pairsOf(given);
  return makeDict([...first, ...named]);
}

function pairsOf(value: Value): [Value, Value][] {
  iterate(value);
  return listOf(value).map((pair) => unpack(pair, 2) as [Value, Value]);
}

/** What `cycler(...)` makes. */
class Cycler extends AttributeObject {
  readonly typeName = "Cycler";
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) throw new JinjaError("RuntimeError", "at least one item has to be provided");
    this.#items = items;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "current":
        return this.#items[this.#at]!;
      case "next":
        return new Callable(name, () => {
          const item = this.#items[this.#at]!;
          this.#at = (this.#at + 1) % this.#items.length;
          return item;
        });
      case "reset":
        return new Callable(name, () => {
          this.#at = 0;
          return null;
        });
      default:
        return undefined;
    }
  }
}
