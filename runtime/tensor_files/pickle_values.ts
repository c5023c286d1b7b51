/**
 * What a Python pickle can hold here, and what a caller of its reader may allow beyond plain values.
 *
 * @module
 */

/** What a pickle can hold here. Tuples and lists are arrays; whole numbers beyond 2^53 are refused. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleValue[]
  | PickleMap
  | PickleGlobal
  | PickleObject;

/** A dict. */
export class PickleMap extends Map<PickleValue, PickleValue> {}

/** A name that the pickle refers to, on the caller's list. */
export class PickleGlobal {
  /** `module.name` */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Something the caller makes out of a call or a persistent id: it derives classes of its own from this. */
export abstract class PickleObject {}

/** What a pickle may do beyond plain values. */
export interface PickleRules {
  /** What the calls of a name yield; names that are not here are refused. A name without calls yields undefined. */
  readonly globals: ReadonlyMap<string, ((args: readonly PickleValue[]) => PickleValue) | undefined>;
  /** What a persistent id stands for; without it, there must be none. */
  readonly persistent?: (id: PickleValue) => PickleValue;
}
