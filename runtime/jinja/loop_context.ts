/**
 * The variable `loop`.
 *
 * @module
 */
import { areEqual } from "./compare.ts";
import { typeError } from "./errors.ts";
import { lengthOrUndefined } from "./iterate.ts";
import { Callable, orElse, Tuple, Undefined, type Value } from "./values.ts";

/** What a loop goes over, and where it is. Looks one item ahead only when asked to, as generators may depend on it. */
export class LoopContext extends Callable {
  override readonly typeName = "LoopContext";
  readonly #knownLength: number | undefined;
  readonly #depth0: number;
  #iterator: Iterator<Value>;
  #index0 = -1;
  #length: number | undefined;
  #before: Value | undefined;
  #current: Value | undefined;
  #after: IteratorResult<Value> | undefined;
  #changed: Value | undefined;

  /** `render` renders the loop over other values, one level deeper; undefined if the loop is not recursive. */
  constructor(
    over: Value | undefined,
    iterator: Iterator<Value>,
    options: { readonly depth0: number; readonly render: ((over: Value) => string) | undefined },
  ) {
    const { render, depth0 } = options;
    super("loop", ({ positional }) => {
      if (render === undefined) {
        throw typeError("The loop must have the 'recursive' marker to be called recursively.");
      }
      if (positional.length !== 1) throw typeError("loop() takes one argument");
      return render(positional[0]!);
    });
    this.#knownLength = over === undefined ? undefined : lengthOrUndefined(over);
    this.#iterator = iterator;
    this.#depth0 = depth0;
  }

  /** Goes on; undefined at the end. */
  next(): Value | undefined {
    const result = this.#after ?? this.#iterator.next();
    this.#after = undefined;
    if (result.done) return undefined;
    this.#index0++;
    this.#before = this.#current;
    return this.#current = result.value;
  }

  override represent(): string {
    return `<LoopContext ${this.#index0 + 1}/${this.#lengthNow()}>`;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return BigInt(this.#index0 + 1);
      case "index0":
        return BigInt(this.#index0);
      case "revindex":
        return BigInt(this.#lengthNow() - this.#index0);
      case "revindex0":
        return BigInt(this.#lengthNow() - this.#index0 - 1);
      case "first":
        return this.#index0 === 0;
      case "last":
        return this.#peek().done === true;
      case "length":
        return BigInt(this.#lengthNow());
      case "depth":
        return BigInt(this.#depth0 + 1);
      case "depth0":
        return BigInt(this.#depth0);
      case "previtem":
        return orElse(this.#before, new Undefined("there is no previous item"));
      case "nextitem": {
        const after = this.#peek();
        return after.done ? new Undefined("there is no next item") : after.value;
      }
      case "cycle":
        return new Callable(name, ({ positional }) => {
          if (positional.length === 0) throw typeError("no items for cycling given");
          return positional[this.#index0 % positional.length]!;
        });
      case "changed":
        return new Callable(name, ({ positional }) => this.#hasChanged(new Tuple(positional)));
      default:
        return undefined;
    }
  }

  #peek(): IteratorResult<Value> {
    return this.#after ??= this.#iterator.next();
  }

  #lengthNow(): number {
    return this.#length ??= this.#knownLength ?? this.#countRest();
  }

  #countRest(): number {
    const rest: Value[] = [];
    for (let next = this.#iterator.next(); !next.done; next = this.#iterator.next()) rest.push(next.value);
    this.#iterator = rest[Symbol.iterator]();
    return rest.length + this.#index0 + 1 + (this.#after === undefined ? 0 : 1);
  }

  #hasChanged(values: Tuple): boolean {
    if (this.#changed !== undefined && areEqual(this.#changed, values)) return false;
    this.#changed = values;
    return true;
  }
}
