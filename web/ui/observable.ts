/**
 * Values that components follow.
 *
 * @module
 */
import { useEffect, useState } from "./html.ts";

/** A value that tells of its changes. */
export class Observable<T> {
  #value: T;
  readonly #followers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const follower of [...this.#followers]) follower();
  }

  /** Calls `changed` after each change, until the function that is returned is called. */
  follow(changed: () => void): () => void {
    this.#followers.add(changed);
    return () => this.#followers.delete(changed);
  }
}

/** What a component takes of a value: it is drawn again when that changes. */
export function useValue<T, U = T>(
  observable: Observable<T>,
  select: (value: T) => U = (value) => value as unknown as U,
): U {
  const [, redraw] = useState(0);
  const selected = select(observable.value);
  useEffect(() => {
    const compare = () => {
      if (!Object.is(select(observable.value), selected)) redraw((count) => count + 1);
    };
    compare();
    return observable.follow(compare);
  });
  return selected;
}
