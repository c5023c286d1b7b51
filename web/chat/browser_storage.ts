/**
 * The browser's storage, which may be forbidden, full or filled by others.
 *
 * @module
 */

/** What of `Storage` the page needs. */
export interface TextStorage {
  /** Keys that begin with a text. */
  keys(start: string): string[];
  get(key: string): string | undefined;
  /** Returns false if there is no room. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
}

/** A storage of the browser, or memory where that is forbidden. */
export function browserStorage(name: "localStorage" | "sessionStorage"): TextStorage {
  try {
    const storage = (globalThis as unknown as Record<string, Storage>)[name]!;
    storage.getItem("aerie");
    return new BrowserStorage(storage);
  } catch {
    return new MemoryStorage();
  }
}

class BrowserStorage implements TextStorage {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  keys(start: string): string[] {
    return Object.keys(this.#storage).filter((key) => key.startsWith(start));
  }

  get(key: string): string | undefined {
    return this.#storage.getItem(key) ?? undefined;
  }

  set(key: string, value: string): boolean {
    try {
      this.#storage.setItem(key, value);
      return true;
    } catch {
      return false;
    }
  }

  remove(key: string): void {
    this.#storage.removeItem(key);
  }
}

/** Storage that ends with the page. */
export class MemoryStorage implements TextStorage {
  readonly #texts = new Map<string, string>();
  readonly #maxLength: number;

  /** `maxLength` is that of all texts together. */
  constructor(maxLength = Infinity) {
    this.#maxLength = maxLength;
  }

  keys(start: string): string[] {
    return [...this.#texts.keys()].filter((key) => key.startsWith(start));
  }

  get(key: string): string | undefined {
    return this.#texts.get(key);
  }

  set(key: string, value: string): boolean {
    const others = [...this.#texts].filter(([other]) => other !== key);
    if (others.reduce((sum, [, text]) => sum + text.length, value.length) > this.#maxLength) return false;
    this.#texts.set(key, value);
    return true;
  }

  remove(key: string): void {
    this.#texts.delete(key);
  }
}
