/**
 * Prefix cache: a tree whose nodes are full pages, keyed by the tokens they hold (RadixAttention, Zheng et al. 2024, at
 * page granularity). A page in the tree is owned by the cache; sequences that use it lock its path.
 *
 * @module
 */

/** Names the contents of page `index` of a token sequence; pages with equal keys and equal parents are the same. */
export type PageKey = (tokens: readonly number[], index: number) => string;

/** Keys a page by its own tokens. */
export function ownTokensKey(pageSize: number): PageKey {
  return (tokens, index) => tokens.slice(index * pageSize, (index + 1) * pageSize).join();
}

/** A page in the tree. The root holds none. */
export interface CacheNode {
  readonly page: number;
  readonly parent: CacheNode | undefined;
  readonly key: string;
  readonly children: Map<string, CacheNode>;
  /** Sequences that use this page or one below. */
  numLocks: number;
  lastUsed: number;
}

/** Prefix tree over pages with locks and least-recently-used eviction of leaves. */
export class RadixCache {
  readonly #keyOf: PageKey;
  readonly #root: CacheNode = newNode(-1, undefined, "");
  #numPages = 0;
  #numLocked = 0;
  #uses = 0;

  /** `keyOf` decides which pages are equal; see {@linkcode ownTokensKey}. */
  constructor(keyOf: PageKey) {
    this.#keyOf = keyOf;
  }

  /** Above every first page. */
  get root(): CacheNode {
    return this.#root;
  }

  /** Pages the cache owns. */
  get numPages(): number {
    return this.#numPages;
  }

  /** Pages nobody has locked: all of them can be had by evicting leaf after leaf. */
  get numEvictable(): number {
    return this.#numPages - this.#numLocked;
  }

  /** The longest cached prefix of `tokens`, at most `maxPages` pages: its pages and its last node. */
  match(tokens: readonly number[], maxPages: number): { pages: number[]; node: CacheNode } {
    const pages: number[] = [];
    let node = this.#root;
    while (pages.length < maxPages) {
      const child = node.children.get(this.#keyOf(tokens, pages.length));
      if (!child) break;
      child.lastUsed = ++this.#uses;
      pages.push(child.page);
      node = child;
    }
    return { pages, node };
  }

  /** The page after `node` if the cache has it. */
  child(node: CacheNode, tokens: readonly number[], index: number): CacheNode | undefined {
    return node.children.get(this.#keyOf(tokens, index));
  }

  /**
   * Takes over page `index` of a sequence below `node`.
   *
   * @throws {RangeError} if the cache has an equal page there
   */
  insert(node: CacheNode, tokens: readonly number[], index: number, page: number): CacheNode {
    const key = this.#keyOf(tokens, index);
    if (node.children.has(key)) throw new RangeError(`Cannot insert page ${page}: an equal one is cached`);
    const child = newNode(page, node, key);
    child.lastUsed = ++this.#uses;
    node.children.set(key, child);
    this.#numPages++;
    return child;
  }

  /** Keeps `node` and all above it from eviction until unlocked as often as locked. */
  lock(node: CacheNode): void {
    for (let at = node; at.parent; at = at.parent) if (at.numLocks++ === 0) this.#numLocked++;
  }

  /** Undoes one {@linkcode RadixCache.lock} of the same node. */
  unlock(node: CacheNode): void {
    for (let at = node; at.parent; at = at.parent) if (--at.numLocks === 0) this.#numLocked--;
  }

  /** Gives up to `count` pages away, least recently used leaves first. */
  evict(count: number): number[] {
    const pages: number[] = [];
    const leaves = this.#leaves().sort((a, b) => b.lastUsed - a.lastUsed);
    while (pages.length < count) {
      const leaf = leaves.pop();
      if (!leaf) break;
      const parent = leaf.parent!;
      parent.children.delete(leaf.key);
      this.#numPages--;
      pages.push(leaf.page);
      if (parent.parent && parent.children.size === 0 && parent.numLocks === 0) insertByUse(leaves, parent);
    }
    return pages;
  }

  /** Pages in the tree, for checks. */
  *pages(): Generator<number> {
    for (const node of this.#nodes()) yield node.page;
  }

  #leaves(): CacheNode[] {
    return [...this.#nodes()].filter((node) => node.children.size === 0 && node.numLocks === 0);
  }

  *#nodes(): Generator<CacheNode> {
    const stack = [...this.#root.children.values()];
    for (let node = stack.pop(); node; node = stack.pop()) {
      yield node;
      stack.push(...node.children.values());
    }
  }
}

function newNode(page: number, parent: CacheNode | undefined, key: string): CacheNode {
  return { page, parent, key, children: new Map(), numLocks: 0, lastUsed: 0 };
}

/** Keeps `leaves` in descending order of use. */
function insertByUse(leaves: CacheNode[], node: CacheNode): void {
  let low = 0, high = leaves.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (leaves[middle]!.lastUsed > node.lastUsed) low = middle + 1;
    else high = middle;
  }
  leaves.splice(low, 0, node);
}
