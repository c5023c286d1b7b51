/**
 * Variables of templates: a loop's turn, a macro's call and the like have their own, and see those around them.
 *
 * @module
 */
import type { Value } from "./values.ts";

/** Variables of one place. What is set here is not seen outside. */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #values = new Map<string, Value>();

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  /** The value of a variable, here or further out; undefined if there is none. */
  get(name: string): Value | undefined {
    const own = this.#values.get(name);
    return own === undefined ? this.#outer?.get(name) : own;
  }

  /** Sets a variable here. */
  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
