/**
 * A trie of n-grams over token ids: which tokens followed which, how often, and which of them last (Zhao et al. 2023,
 * arXiv 2312.12728).
 *
 * @module
 */

/** The node of the empty n-gram. */
export const ROOT = 0;

/** Counts and recency of every n-gram of up to `maxDepth` tokens that was added. */
export class TokenTrie {
  readonly #maxDepth: number;
  readonly #capacity: number;
  /** Nodes by parent and token: a hash table with linear probing, at most half full; 0 is free. */
  #table = new Int32Array(2048);
  /** By node: its last token, its parent, how often its n-gram came, when last, its newest child, its next older sibling. */
  #tokens = new Int32Array(1024);
  #parents = new Int32Array(1024);
  #counts = new Int32Array(1024);
  #stamps = new Float64Array(1024);
  #firstChild = new Int32Array(1024);
  #nextSibling = new Int32Array(1024);
  #numNodes = 1;
  #now = 0;
  #generation = 0;

  /** N-grams of `maxDepth` tokens at most; `capacity` nodes at most, then everything is forgotten. */
  constructor({ maxDepth, capacity }: { readonly maxDepth: number; readonly capacity: number }) {
    this.#maxDepth = maxDepth;
    this.#capacity = Math.max(capacity, maxDepth + 1);
  }

  /** Rises when everything is forgotten; node numbers are valid within one generation. */
  get generation(): number {
    return this.#generation;
  }

  get numNodes(): number {
    return this.#numNodes;
  }

  /**
   * Adds a token to a sequence that ends with the n-grams `ends`: entry m is the node of its last m tokens, entry 0 the
   * root. Returns the new ends, those shorter than `maxDepth`, which can be extended.
   */
  append(ends: readonly number[], token: number): number[] {
    const isFull = this.#numNodes + this.#maxDepth > this.#capacity;
    if (isFull) this.#forget();
    const known = isFull || ends.length === 0 ? [ROOT] : ends;
    this.#now++;
    const next = [ROOT];
    for (const node of known) {
      const child = this.#visit(node, token);
      if (next.length < this.#maxDepth) next.push(child);
    }
    return next;
  }

  /** Up to `count` children of a node, the latest or the most frequent first, with their estimated probability. */
  childrenOf(node: number, order: "recency" | "frequency", count: number): { node: number; share: number }[] {
    const isFirst = order === "recency" ? this.#isNewer : this.#isMoreFrequent;
    const first: number[] = [];
    let numChildren = 0, numSeen = 0;
    for (let child = this.#firstChild[node]!; child !== 0; child = this.#nextSibling[child]!) {
      numChildren++;
      numSeen += this.#counts[child]!;
      let rank = first.length;
      while (rank > 0 && isFirst(child, first[rank - 1]!)) rank--;
      if (rank < count) first.splice(rank, 0, child);
      if (first.length > count) first.pop();
    }
    // Recency weights: each child counts half as much as the next later one, 1 + 1/2 + 1/4 ...
    const total = order === "recency" ? 2 - 2 * 0.5 ** numChildren : numSeen;
    return first.map((child, rank) => ({
      node: child,
      share: (order === "recency" ? 0.5 ** rank : this.#counts[child]!) / total,
    }));
  }

  /** The last token of a node's n-gram. */
  tokenAt(node: number): number {
    return this.#tokens[node]!;
  }

  readonly #isNewer = (a: number, b: number) => this.#stamps[a]! > this.#stamps[b]!;
  readonly #isMoreFrequent = (a: number, b: number) =>
    this.#counts[a]! > this.#counts[b]! || (this.#counts[a] === this.#counts[b] && this.#isNewer(a, b));

  #visit(parent: number, token: number): number {
    const mask = this.#table.length - 1;
    let at = hash(parent, token) & mask, node = this.#table[at]!;
    while (node !== 0 && (this.#tokens[node] !== token || this.#parents[node] !== parent)) {
      at = (at + 1) & mask;
      node = this.#table[at]!;
    }
    if (node === 0) {
      node = this.#numNodes++;
      if (node === this.#tokens.length) this.#grow();
      this.#tokens[node] = token;
      this.#parents[node] = parent;
      this.#counts[node] = this.#firstChild[node] = 0;
      this.#nextSibling[node] = this.#firstChild[parent]!;
      this.#firstChild[parent] = node;
      this.#insert(node);
    }
    this.#counts[node]!++;
    this.#stamps[node] = this.#now;
    return node;
  }

  /** Inserts a new node into the hash table. */
  #insert(node: number): void {
    const mask = this.#table.length - 1;
    let at = hash(this.#parents[node]!, this.#tokens[node]!) & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = node;
  }

  #grow(): void {
    const grown = <Values extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
      values: Values,
    ): Values => {
      const bytes = new Uint8Array(values.byteLength * 2);
      bytes.set(new Uint8Array(values.buffer));
      return new (values.constructor as new (buffer: ArrayBuffer) => Values)(bytes.buffer);
    };
    this.#tokens = grown(this.#tokens);
    this.#parents = grown(this.#parents);
    this.#counts = grown(this.#counts);
    this.#stamps = grown(this.#stamps);
    this.#firstChild = grown(this.#firstChild);
    this.#nextSibling = grown(this.#nextSibling);
    const numInserted = this.#table.length / 2;
    this.#table = new Int32Array(2 * this.#table.length);
    for (let node = 1; node < numInserted; node++) this.#insert(node);
  }

  #forget(): void {
    this.#table.fill(0);
    this.#firstChild[ROOT] = 0;
    this.#numNodes = 1;
    this.#generation++;
  }
}

/** A hash of parent and token, by multiplicative steps with constants of Knuth (6.4) and MurmurHash3. */
function hash(parent: number, token: number): number {
  const mixed = Math.imul(Math.imul(parent, 0x9e3779b1) ^ token, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
