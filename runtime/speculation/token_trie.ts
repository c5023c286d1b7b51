/**
 * A trie of token runs: which tokens followed which, how often and how lately.
 *
 * @module
 */

/** The empty run. */
export const ROOT = 0;

/** Counts and recency of every run of up to `maxDepth` tokens that was added. */
export class TokenTrie {
  readonly #maxDepth: number;
  readonly #vocabSize: number;
  readonly #capacity: number;
  readonly #children = new Map<number, number>();
  /** By node: its token, how often its run came, when last, its newest child, the next of its siblings. */
  #tokens = new Int32Array(1024);
  #counts = new Int32Array(1024);
  #stamps = new Float64Array(1024);
  #firstChild = new Int32Array(1024);
  #nextSibling = new Int32Array(1024);
  #numNodes = 1;
  #now = 0;
  #generation = 0;

  /** Runs of `maxDepth` tokens at most; `capacity` nodes at most, then everything is forgotten. */
  constructor({ maxDepth, vocabSize, capacity }: {
    readonly maxDepth: number;
    readonly vocabSize: number;
    readonly capacity: number;
  }) {
    this.#maxDepth = maxDepth;
    this.#vocabSize = vocabSize;
    this.#capacity = Math.max(capacity, maxDepth + 1);
  }

  /** Changes when everything is forgotten; nodes of another generation mean nothing. */
  get generation(): number {
    return this.#generation;
  }

  get numNodes(): number {
    return this.#numNodes;
  }

  /**
   * Adds a token to a text whose last runs are `ends`: entry m is the node of its last m tokens, entry 0 the root.
   * Returns the new ends, those of runs shorter than `maxDepth`.
   */
  append(ends: readonly number[], token: number): number[] {
    const isFull = this.#numNodes + this.#maxDepth > this.#capacity;
    if (isFull) this.#forget();
    const known = isFull || ends.length === 0 ? [ROOT] : ends;
    this.#now++;
    const next = known.map((node) => this.#visit(node, token));
    return [ROOT, ...next].slice(0, this.#maxDepth);
  }

  /** Children of a node, the latest or the most frequent first, with their share of what followed. */
  childrenOf(node: number, order: "recency" | "frequency", count: number): { node: number; share: number }[] {
    const children: number[] = [];
    for (let child = this.#firstChild[node]!; child !== 0; child = this.#nextSibling[child]!) {
      children.push(child);
    }
    const key = order === "recency" ? this.#stamps : this.#counts;
    children.sort((a, b) => key[b]! - key[a]! || this.#stamps[b]! - this.#stamps[a]!);
    const weight = (child: number, rank: number) => order === "recency" ? 0.5 ** rank : this.#counts[child]!;
    const total = children.reduce((sum, child, rank) => sum + weight(child, rank), 0);
    return children.slice(0, count).map((child, rank) => ({
      node: child,
      share: weight(child, rank) / total,
    }));
  }

  /** The last token of a node's run. */
  tokenAt(node: number): number {
    return this.#tokens[node]!;
  }

  #visit(parent: number, token: number): number {
    const key = parent * this.#vocabSize + token;
    let node = this.#children.get(key);
    if (node === undefined) {
      node = this.#numNodes++;
      if (node === this.#tokens.length) this.#grow();
      this.#children.set(key, node);
      this.#tokens[node] = token;
      this.#counts[node] = this.#firstChild[node] = 0;
      this.#nextSibling[node] = this.#firstChild[parent]!;
      this.#firstChild[parent] = node;
    }
    this.#counts[node]!++;
    this.#stamps[node] = this.#now;
    return node;
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
    this.#counts = grown(this.#counts);
    this.#stamps = grown(this.#stamps);
    this.#firstChild = grown(this.#firstChild);
    this.#nextSibling = grown(this.#nextSibling);
  }

  #forget(): void {
    this.#children.clear();
    this.#firstChild[ROOT] = 0;
    this.#numNodes = 1;
    this.#generation++;
  }
}
