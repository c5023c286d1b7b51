import assert from "node:assert/strict";
import fc from "fast-check";
import {
  nextTokenPageKey,
  type PageKey,
  RadixCache,
  type RadixNode,
  tokenPageKey,
} from "../../../runtime/cache/radix_cache.ts";

const newCache = (pageKey: PageKey = tokenPageKey(2)) => new RadixCache(pageKey);

/** Adds a prefix nobody uses. */
function add(cache: RadixCache, tokens: readonly number[], pages: readonly number[]): RadixNode {
  const { node } = cache.insert(cache.root, tokens, pages);
  cache.unlock(node);
  return node;
}

Deno.test("match finds the longest cached prefix in whole pages", () => {
  const cache = newCache();
  add(cache, [1, 2, 3, 4, 5, 6], [10, 11, 12]);
  assert.deepEqual(cache.match([1, 2, 3, 4, 5, 6, 7], 9).pages, [10, 11, 12]);
  assert.deepEqual(cache.match([1, 2, 3, 4, 5, 9], 9).pages, [10, 11]);
  assert.deepEqual(cache.match([1, 2, 3], 9).pages, [10]);
  assert.deepEqual(cache.match([2, 1, 3, 4], 9).pages, []);
  assert.deepEqual(cache.match([3, 4], 9).pages, [], "a page belongs to the tokens before it, too");
  assert.deepEqual(cache.match([1, 2, 3, 4, 5, 6], 2).pages, [10, 11], "at most maxPages");
});

Deno.test("with draft heads a page is found only with the token after it", () => {
  const cache = newCache(nextTokenPageKey(2));
  const { pages, node } = cache.insert(cache.root, [1, 2, 3, 4], [10, 11]);
  assert.deepEqual(pages, [10], "what follows the second page is not known");
  cache.unlock(node);
  assert.deepEqual(cache.match([1, 2, 3, 9], 9).pages, [10]);
  assert.deepEqual(cache.match([1, 2, 4], 9).pages, []);
  assert.deepEqual(cache.match([1, 2], 9).pages, []);
});

Deno.test("tokens are compared as numbers, not as digits", () => {
  const cache = newCache();
  add(cache, [1, 23], [10]);
  assert.deepEqual(cache.match([12, 3], 1).pages, []);
});

Deno.test("insert extends a prefix, keeps what it had and says so", () => {
  const cache = newCache();
  const first = cache.insert(cache.root, [1, 2, 3, 4], [10, 11]);
  assert.deepEqual(first.pages, [10, 11]);
  assert.equal(first.node.depth, 2);
  const twin = cache.insert(cache.root, [1, 2, 3, 4, 5, 6], [20, 21, 22]);
  assert.deepEqual(twin.pages, [10, 11, 22]);
  const rest = cache.insert(first.node, [1, 2, 3, 4, 7, 8], [13]);
  assert.deepEqual(rest.pages, [13]);
  assert.deepEqual(cache.match([1, 2, 3, 4, 7, 8], 9).pages, [10, 11, 13]);
});

Deno.test("a lock keeps the whole prefix, and nothing else, from eviction", () => {
  const cache = newCache();
  add(cache, [1, 2, 3, 4, 5, 6], [10, 11, 12]);
  const { node } = cache.match([1, 2, 3, 4], 9);
  cache.lock(node);
  cache.lock(node);
  assert.equal(cache.numEvictable, 1);
  assert.deepEqual(cache.evict(9), [12]);
  cache.unlock(node);
  assert.deepEqual(cache.evict(9), []);
  cache.unlock(node);
  assert.deepEqual(cache.evict(9), [11, 10]);
  assert.throws(() => cache.unlock(node), /Cannot unlock node at depth 2: it is not locked/);
});

Deno.test("evict takes the least recently used leaf first", () => {
  const cache = newCache();
  add(cache, [1, 2, 3, 4], [10, 11]);
  const old = add(cache, [1, 2, 5, 6], [10, 12]);
  add(cache, [7, 8], [13]);
  cache.lock(old);
  cache.unlock(old);
  assert.deepEqual(cache.evict(1), [11]);
  assert.deepEqual(cache.evict(1), [13]);
  assert.deepEqual(cache.evict(2), [12, 10]);
  assert.deepEqual(cache.match([1, 2], 1).pages, []);
});

Deno.test("a page whose key is not settled yet stays out of the cache", () => {
  // As for EAGLE, whose draft KV depends on the token after the page.
  const pageKey: PageKey = (tokens, pageIndex) => {
    const end = 2 * pageIndex + 3;
    return end > tokens.length ? undefined : tokens.slice(2 * pageIndex, end).join();
  };
  const cache = newCache(pageKey);
  assert.deepEqual(cache.insert(cache.root, [1, 2, 3, 4], [10, 11]).pages, [10]);
  assert.deepEqual(cache.match([1, 2, 3], 9).pages, [10]);
  assert.deepEqual(cache.match([1, 2, 4], 9).pages, [], "the next token differs");
  assert.deepEqual(cache.match([1, 2], 9).pages, [], "the next token is unknown");
});

/** The cache as a plain list of prefixes, with a counter for time. */
class NaiveCache {
  readonly entries = new Map<string, { page: number; lastUsed: number }>();
  readonly locks: string[] = [];
  #now = 0;

  match(tokens: readonly number[], cacheKey: string): string {
    let path = `${cacheKey}:`;
    for (const token of tokens) {
      if (!this.entries.has(`${path}${token},`)) break;
      path += `${token},`;
    }
    return path;
  }

  insert(tokens: readonly number[], pages: readonly number[], cacheKey: string): void {
    let path = `${cacheKey}:`;
    tokens.forEach((token, i) => {
      path += `${token},`;
      if (!this.entries.has(path)) this.entries.set(path, { page: pages[i]!, lastUsed: 0 });
    });
    this.locks.push(path);
  }

  unlock(index: number): void {
    const [path] = this.locks.splice(index, 1);
    this.#now++;
    for (const [key, entry] of this.entries) if (path!.startsWith(key)) entry.lastUsed = this.#now;
  }

  evictable(): string[] {
    return [...this.entries.keys()].filter((key) => !this.locks.some((path) => path.startsWith(key)));
  }

  evict(): number | undefined {
    const leaves = this.evictable().filter((key) =>
      ![...this.entries.keys()].some((other) => other !== key && other.startsWith(key))
    );
    const oldest = leaves.sort((a, b) => this.entries.get(a)!.lastUsed - this.entries.get(b)!.lastUsed)[0];
    if (oldest === undefined) return undefined;
    const { page } = this.entries.get(oldest)!;
    this.entries.delete(oldest);
    return page;
  }
}

Deno.test("prefixes with different keys share nothing and leave nothing behind", () => {
  const cache = newCache();
  const keyed = (cacheKey: string, pages: number[]) =>
    cache.unlock(cache.insert(cache.root, [1, 2, 3, 4], pages, cacheKey).node);
  keyed("", [10, 11]);
  keyed("a", [20, 21]);
  keyed("1,2", [30, 31]);
  assert.deepEqual(cache.match([1, 2, 3, 4], 9).pages, [10, 11]);
  assert.deepEqual(cache.match([1, 2, 3, 4], 9, "a").pages, [20, 21]);
  assert.deepEqual(cache.match([1, 2, 3, 4], 9, "1,2").pages, [30, 31]);
  assert.deepEqual(cache.match([1, 2, 3, 4], 9, "b").pages, []);
  assert.deepEqual(cache.evict(3), [11, 10, 21], "oldest first, whatever the key");
  for (let i = 0; i < 100; i++) keyed(`salt ${i}`, [100 + i, 300 + i]);
  cache.evict(cache.numEvictable);
  const { children } = cache.root as unknown as { children: Map<string, unknown> };
  assert.equal(children.size, 0);
});

Deno.test("the cache agrees with a list of prefixes over any history", () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 });
  const cacheKey = fc.constantFrom("", "a");
  const action = fc.oneof(
    fc.record({ type: fc.constant("insert" as const), tokens, cacheKey }),
    fc.record({ type: fc.constant("lock" as const), tokens, cacheKey }),
    fc.record({ type: fc.constant("unlock" as const), index: fc.nat({ max: 20 }) }),
    fc.record({ type: fc.constant("evict" as const), count: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80, size: "max" }), (history) => {
      const cache = newCache(tokenPageKey(1));
      const naive = new NaiveCache();
      const nodes: RadixNode[] = [];
      let nextPage = 0;
      for (const action of history) {
        if (action.type === "insert") {
          const pages = action.tokens.map(() => nextPage++);
          nodes.push(cache.insert(cache.root, action.tokens, pages, action.cacheKey).node);
          naive.insert(action.tokens, pages, action.cacheKey);
        } else if (action.type === "lock") {
          const { node, pages } = cache.match(action.tokens, 9, action.cacheKey);
          const path = naive.match(action.tokens, action.cacheKey);
          assert.equal(path.split(",").length - 1, pages.length);
          cache.lock(node);
          nodes.push(node);
          naive.locks.push(path);
        } else if (action.type === "unlock" && nodes.length > 0) {
          const index = action.index % nodes.length;
          cache.unlock(nodes.splice(index, 1)[0]!);
          naive.unlock(index);
        } else if (action.type === "evict") {
          const expected = Array.from({ length: action.count }, () => naive.evict());
          assert.deepEqual(cache.evict(action.count), expected.filter((page) => page !== undefined));
        }
        assert.equal(cache.numEvictable, naive.evictable().length);
      }
    }),
    { numRuns: 1000 },
  );
});
