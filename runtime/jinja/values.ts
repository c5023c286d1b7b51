/**
 * Values of templates. Python's types that JavaScript has are its own: str is string, float is number, int is bigint,
 * bool is boolean, None is null, list is Array. The others are classes.
 *
 * @module
 */
import { JinjaError, type JinjaErrorKind } from "./errors.ts";

/** Whatever an expression can be. */
export type Value = null | boolean | bigint | number | string | readonly Value[] | PyObject;

/** Arguments of a call. */
export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A value of a type that JavaScript lacks. */
export abstract class PyObject {
  /** Name of the type in error messages. */
  abstract readonly typeName: string;

  /** What `repr` makes of it; undefined if that has no rule of its own. */
  represent(): string | undefined {
    return undefined;
  }
}

/** A variable, attribute or item that is not there; may be printed, iterated and tested, and no more. */
export class Undefined extends PyObject {
  readonly typeName = "Undefined";
  /** What is said where it is used. */
  readonly message: string;
  readonly #kind: JinjaErrorKind;

  constructor(message: string, kind: JinjaErrorKind = "UndefinedError") {
    super();
    this.message = message;
    this.#kind = kind;
  }

  /** The error of using it. */
  error(): JinjaError {
    return new JinjaError(this.#kind, this.message);
  }
}

/** A tuple. */
export class Tuple extends PyObject {
  readonly typeName: string = "tuple";
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
}

/** A pair that `groupby` makes, whose parts have names. */
export class GroupTuple extends Tuple {
  override readonly typeName = "_GroupTuple";
}

/** Text that is not to be escaped. */
export class Markup extends PyObject {
  readonly typeName = "Markup";
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** What a dictionary stores values under, see {@linkcode Dict}. */
export type DictKey = string | number | bigint | null | symbol;

/** A dictionary in the order of insertion. Values of keys are found by `keyOf` of `compare.ts`. */
export class Dict extends PyObject {
  readonly typeName = "dict";
  /** Keys as they were given, with their values. */
  readonly entries: Map<DictKey, readonly [key: Value, value: Value]> = new Map();
}

/** What `keys()`, `values()` or `items()` of a dictionary gives. */
export class DictView extends PyObject {
  readonly typeName: string;
  readonly items: readonly Value[];

  constructor(kind: "keys" | "values" | "items", items: readonly Value[]) {
    super();
    this.typeName = `dict_${kind}`;
    this.items = items;
  }
}

/** Whole numbers at equal distances. */
export class Range extends PyObject {
  readonly typeName = "range";
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;

  constructor(start: bigint, stop: bigint, step: bigint) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  /** How many numbers. */
  get length(): bigint {
    const { start, stop, step } = this;
    const distance = step > 0n ? stop - start : start - stop;
    const size = step > 0n ? step : -step;
    return distance <= 0n ? 0n : (distance + size - 1n) / size;
  }

  /** The number at a place within the length. */
  at(index: bigint): bigint {
    return this.start + index * this.step;
  }
}

/** Values that are made when they are asked for, once. */
export class Iteration extends PyObject {
  readonly typeName: string;
  readonly iterator: Iterator<Value>;

  constructor(iterator: Iterator<Value>, typeName = "generator") {
    super();
    this.iterator = iterator;
    this.typeName = typeName;
  }
}

/** Something that can be called. */
export class Callable extends PyObject {
  readonly typeName: string = "function";
  /** Name in error messages. */
  readonly name: string;
  readonly #run: (args: CallArguments) => Value;

  constructor(name: string, run: (args: CallArguments) => Value) {
    super();
    this.name = name;
    this.#run = run;
  }

  /** Calls it. */
  call(args: CallArguments): Value {
    return this.#run(args);
  }

  /** The attribute's value; undefined if there is none. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }
}

/** A macro, which tells its name and those of its parameters. */
export class MacroFunction extends Callable {
  override readonly typeName = "Macro";
  readonly #attributes: ReadonlyMap<string, Value>;

  constructor(
    name: string,
    attributes: Readonly<Record<string, Value>>,
    run: (args: CallArguments) => Value,
  ) {
    super(name, run);
    this.#attributes = new Map(Object.entries({ name, ...attributes }));
  }

  override attribute(name: string): Value | undefined {
    return this.#attributes.get(name);
  }
}

/** An object with attributes of its own: `cycler()`. */
export abstract class AttributeObject extends PyObject {
  /** The attribute's value; undefined if there is none. */
  abstract attribute(name: string): Value | undefined;
}

/** What `namespace()` makes: attributes that templates may assign. */
export class Namespace extends AttributeObject {
  readonly typeName = "TemplateNamespace";
  readonly #attributes = new Map<string, Value>();

  /** Sets an attribute, as transformers lets it be set. */
  assign(name: string, value: Value): void {
    if (name.startsWith("_")) {
      throw new JinjaError(
        "SecurityError",
        `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'`,
      );
    }
    this.#attributes.set(name, value);
  }

  override attribute(name: string): Value | undefined {
    return this.#attributes.get(name);
  }

  /** Names and values. */
  get attributes(): ReadonlyMap<string, Value> {
    return this.#attributes;
  }
}

/** The first value, or the second if there is none; None is a value. */
export function orElse<Other>(value: Value | undefined, otherwise: Other): Value | Other {
  return value === undefined ? otherwise : value;
}

/** Whether a value is a list. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The text of a str, marked or not; undefined for other values. */
export function textOf(value: Value): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Markup ? value.text : undefined;
}

/** The number of a bool, int or float; undefined for other values. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

/** Name of a value's type, as error messages have it. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case "string":
      return "str";
    case "bigint":
      return "int";
    case "number":
      return "float";
    case "boolean":
      return "bool";
  }
  if (value === null) return "NoneType";
  return value instanceof PyObject ? value.typeName : "list";
}
