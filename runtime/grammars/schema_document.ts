/**
 * A JSON Schema as nodes with their JSON pointers, and its references resolved.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";
import { isObject, type Json, type JsonObject } from "./json_bounds.ts";

/** A schema that is an object, at its place in the document. */
export interface SchemaNode {
  /** Number of the node: the same for every reference to it. */
  readonly id: number;
  readonly keywords: JsonObject;
  readonly pointer: string;
}

/** Schemas that all must hold; without one everything does. `never` allows nothing. */
export type Conjunction = readonly SchemaNode[] | "never";

/** Most characters of all patterns. */
const MAX_PATTERNS_LENGTH = 20_000;
/** Most properties of Unicode in all patterns. */
const MAX_PROPERTIES = 3;

/** A schema that is sound, and asks for what no grammar here enforces. */
export class UnenforcedSchemaError extends InvalidRequestError {}

/** A JSON Schema and the nodes that were read of it. */
export class SchemaDocument {
  readonly #root: Json;
  readonly #param: string;
  readonly #nodes = new Map<JsonObject, SchemaNode>();
  readonly #anchors = new Map<string, { value: Json; pointer: string }>();
  readonly #id: string;
  readonly #properties = new Set<string>();
  readonly #negations = new Map<string, Conjunction>();
  #patternLength = 0;

  /** `root` is within the bounds of JSON that is read; `param` is the request field to name in errors. */
  constructor(root: Json, param: string) {
    this.#root = root;
    this.#param = param;
    this.#id = isObject(root) && typeof root["$id"] === "string" ? root["$id"].replace(/#$/, "") : "";
    this.#findAnchors();
  }

  /** The whole schema. */
  root(): Conjunction {
    return this.read(this.#root, "#");
  }

  /** The schema at a pointer. Throws InvalidRequestError if there is none. */
  read(value: Json | undefined, pointer: string): Conjunction {
    if (value === true) return [];
    if (value === false) return "never";
    if (!isObject(value)) throw this.refusal(pointer, "a schema is an object or a boolean");
    if (pointer !== "#" && typeof value["$id"] === "string") {
      throw this.unenforced(`${pointer}/$id`, "$id below the root is not supported");
    }
    return [this.#node(value, pointer)];
  }

  /** The schema that a `$ref` at a pointer names. Throws InvalidRequestError if it is not in the document. */
  resolve(reference: Json | undefined, pointer: string): Conjunction {
    if (typeof reference !== "string") throw this.refusal(pointer, "a reference is a string");
    const [uri = "", fragment = ""] = splitOnce(reference, "#");
    if (uri !== "" && uri !== this.#id) {
      throw this.refusal(pointer, `${reference} is not in the schema: references begin with #`);
    }
    let path: string;
    try {
      path = decodeURIComponent(fragment);
    } catch {
      throw this.refusal(pointer, `${reference} is not a URI`);
    }
    if (path === "") return this.root();
    if (!path.startsWith("/")) {
      const anchor = this.#anchors.get(path);
      if (!anchor) throw this.refusal(pointer, `${reference} is not in the schema`);
      return this.read(anchor.value, anchor.pointer);
    }
    let value: Json | undefined = this.#root;
    for (const token of path.slice(1).split("/")) {
      const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
      if (isObject(value) && value !== this.#root && typeof value["$id"] === "string") {
        throw this.unenforced(pointer, `${reference} leads through a $id below the root`);
      }
      value = Array.isArray(value) || isObject(value)
        ? Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined
        : undefined;
    }
    if (value === undefined) throw this.refusal(pointer, `${reference} is not in the schema`);
    return this.read(value, `#${path}`);
  }

  /** The schema that allows what others do not allow together. */
  readonly negationOf = (schema: Conjunction): Conjunction => {
    if (schema === "never") return [];
    const [first] = schema;
    if (!first) return "never";
    const key = keyOf(schema), known = this.#negations.get(key);
    if (known) return known;
    const all = schema.map(({ keywords }) => keywords);
    const negation = [this.#node({ not: all.length === 1 ? all[0]! : { allOf: all } }, first.pointer)];
    this.#negations.set(key, negation);
    return negation;
  };

  /** Counts the patterns of the document. Throws InvalidRequestError if they are too much to read. */
  countPattern(pattern: string, pointer: string): void {
    this.#patternLength += pattern.length;
    for (const [property] of pattern.matchAll(/(?<=\\[pP]\{)[^}]*/g)) this.#properties.add(property);
    if (this.#patternLength > MAX_PATTERNS_LENGTH) {
      throw this.unenforced(pointer, "the patterns are too long together");
    }
    if (this.#properties.size > MAX_PROPERTIES) {
      throw this.unenforced(pointer, "the patterns have too many properties");
    }
  }

  /** The error of a keyword that is broken. */
  refusal(pointer: string, reason: string): InvalidRequestError {
    return new InvalidRequestError(this.#message(pointer, reason), this.#param);
  }

  /** The error of a keyword that means something, but cannot be enforced. */
  unenforced(pointer: string, reason: string): UnenforcedSchemaError {
    return new UnenforcedSchemaError(this.#message(pointer, reason), this.#param);
  }

  #message(pointer: string, reason: string): string {
    return `${this.#param} cannot be enforced at ${pointer}: ${reason}`;
  }

  #node(keywords: JsonObject, pointer: string): SchemaNode {
    let node = this.#nodes.get(keywords);
    if (!node) this.#nodes.set(keywords, node = { id: this.#nodes.size, keywords, pointer });
    return node;
  }

  #findAnchors(): void {
    const queue: { value: Json; pointer: string }[] = [{ value: this.#root, pointer: "#" }];
    for (let i = 0; i < queue.length; i++) {
      const { value, pointer } = queue[i]!;
      if (typeof value !== "object" || value === null) continue;
      if (isObject(value) && typeof value["$anchor"] === "string") {
        this.#anchors.set(value["$anchor"], queue[i]!);
      }
      for (const [key, inner] of Object.entries(value)) {
        if (key !== "const" && key !== "enum") queue.push({ value: inner, pointer: pointerTo(pointer, key) });
      }
    }
  }
}

/** The pointer to a key of what a pointer points to. */
export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function splitOnce(text: string, separator: string): string[] {
  const index = text.indexOf(separator);
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

/** Both must hold. */
export function both(a: Conjunction, b: Conjunction): Conjunction {
  if (a === "never" || b === "never") return "never";
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const byId = new Map([...a, ...b].map((node) => [node.id, node]));
  return [...byId.values()].sort((x, y) => x.id - y.id);
}

/** A text that is the same for equal conjunctions. */
export function keyOf(conjunction: Conjunction): string {
  return conjunction === "never" ? "never" : conjunction.map(({ id }) => id).join("_");
}
