/**
 * Prompt prefixes whose KV is still in the pool: a tree over token ids, one page per node, so that a path from the
 * root spells a prefix and lists its pages (the radix cache of SGLang, Zheng et al. 2024).
 *
 * @module
 */

/**
 * What a page's KV depends on besides the pages before it, as a string; undefined while `tokens` do not settle it,
 * which keeps the page out of the cache.
 */
export type PageKey = (tokens: readonly number[], pageIndex: number) => string | undefined;

/** Key of pages that depend on their own tokens only. */
export function tokenPageKey(pageSize: number): PageKey {
  return (tokens, pageIndex) => {
    const end = (pageIndex + 1) * pageSize;
    return end > tokens.length ? undefined : tokens.slice(end - pageSize, end).join();
  };
}

/** Key of pages that depend on the token after them too, as the draft KV of a head does. */
export function nextTokenPageKey(pageSize: number): PageKey {
  return (tokens, pageIndex) => {
    const end = (pageIndex + 1) * pageSize;
    return end >= tokens.length ? undefined : tokens.slice(end - pageSize, end + 1).join();
  };
}

/** A page in the tree and, through its ancestors, the prefix that ends with it. */
export interface RadixNode {
  /** Pages of the prefix. */
  readonly depth: number;
  /** The prefix one page shorter; undefined for the empty one. */
  readonly parent: RadixNode | undefined;
  /** Whether the page holds draft KV too, as the drafter reported. */
  hasDraftKv: boolean;
}

/** A path in the tree. */
export interface Prefix {
  /** Its last page; the start of the path if `pages` is empty. */
  readonly node: RadixNode;
  readonly pages: number[];
}

class PageNode implements RadixNode {
  readonly page: number;
  readonly key: string;
  readonly parent: PageNode | undefined;
  readonly depth: number;
  readonly children = new Map<string, PageNode>();
  hasDraftKv = false;
  /** Locks on this node plus children in use. */
  numUses = 0;

  constructor(page: number, key: string, parent?: PageNode) {
    this.page = page;
    this.key = key;
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }
}

/**
 * The cache owns the pages of its nodes. A lock on a node keeps its whole prefix; what no lock keeps is evicted when
 * asked for, least recently used first.
 */
export class RadixCache {
  /** The empty prefix. */
  readonly root: RadixNode = new PageNode(-1, "");
  readonly #pageKey: PageKey;
  /**
   * Nodes out of use, oldest use first. Unlocking adds a path from its end upwards, so a node never comes before its
   * descendants and the first one is always a leaf.
   */
  readonly #unused = new Set<PageNode>();

  constructor(pageKey: PageKey) {
    this.#pageKey = pageKey;
  }

  /** Pages that {@linkcode RadixCache.evict} can give back. */
  get numEvictable(): number {
    return this.#unused.size;
  }

  /**
   * The longest cached prefix of `tokens` of at most `maxPages` pages among those inserted with the same `cacheKey`. Lock
   * its node before anything is evicted.
   */
  match(tokens: readonly number[], maxPages: number, cacheKey = ""): Prefix {
    let node = this.root as PageNode;
    const pages: number[] = [];
    while (pages.length < maxPages) {
      const key = this.#keyOf(tokens, pages.length, cacheKey);
      const child = key === undefined ? undefined : node.children.get(key);
      if (child === undefined) break;
      pages.push(child.page);
      node = child;
    }
    return { node, pages };
  }

  /** Keeps the prefix that ends with `node` from eviction until it is unlocked as many times. */
  lock(node: RadixNode): void {
    for (let at = node as PageNode; at.parent !== undefined; at = at.parent) {
      if (at.numUses++ > 0) return;
      this.#unused.delete(at);
    }
  }

  /**
   * Undoes one {@linkcode RadixCache.lock}; counts as a use of the prefix.
   *
   * @throws {RangeError} if the node is not locked
   */
  unlock(node: RadixNode): void {
    for (let at = node as PageNode; at.parent !== undefined; at = at.parent) {
      if (at.numUses === 0) throw new RangeError(`Cannot unlock node at depth ${at.depth}: it is not locked`);
      if (--at.numUses > 0) return;
      this.#unused.add(at);
    }
  }

  /**
   * Extends the locked prefix of `node` by the pages of `tokens` that follow it and moves the lock to the new end.
   * Returns the path below `node`. Where it lists another page than `pages` does, the cache had that page already and
   * the caller still owns its own; so it does where the path is shorter. All other pages are now the cache's. `cacheKey`
   * is as in the `match` that found `node`.
   */
  insert(node: RadixNode, tokens: readonly number[], pages: readonly number[], cacheKey = ""): Prefix {
    let end = node as PageNode;
    const path: number[] = [];
    for (const page of pages) {
      const key = this.#keyOf(tokens, end.depth, cacheKey);
      if (key === undefined) break;
      let child = end.children.get(key);
      if (child === undefined) {
        child = new PageNode(page, key, end);
        end.children.set(key, child);
      }
      path.push(child.page);
      end = child;
    }
    this.lock(end);
    this.unlock(node);
    return { node: end, pages: path };
  }

  /** The prefixes of a `cacheKey` are a branch of their own, told apart by their first pages and gone with them. */
  #keyOf(tokens: readonly number[], pageIndex: number, cacheKey: string): string | undefined {
    const key = this.#pageKey(tokens, pageIndex);
    return key === undefined || pageIndex > 0 || cacheKey === "" ? key : `${JSON.stringify(cacheKey)}${key}`;
  }

  /** Forgets up to `count` pages and gives them to the caller. */
  evict(count: number): number[] {
    const pages: number[] = [];
    for (const node of this.#unused) {
      if (pages.length === count) break;
      this.#unused.delete(node);
      node.parent?.children.delete(node.key);
      pages.push(node.page);
    }
    return pages;
  }
}
