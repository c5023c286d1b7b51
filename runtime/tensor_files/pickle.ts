/**
 * Reads Python pickles without being a Python: values, containers, and the few constructors that the caller names.
 * Whatever else a pickle asks for is refused by name, so that nothing in it can run.
 *
 * @module
 */
import { PickleBytes } from "./pickle_bytes.ts";
import { PickleGlobal, PickleMap, type PickleRules, type PickleValue } from "./pickle_values.ts";

/** Values made or copied at most. An empty list is one byte of a pickle and a hundred in memory. */
const MAX_VALUES = 2_000_000;

const MARK = Symbol("mark");
type Entry = PickleValue | typeof MARK;

/**
 * The value that a pickle of protocol 2 to 5 describes.
 *
 * @throws {LoadError} naming `what`, if it is damaged or asks for anything beyond the rules
 */
export function readPickle(bytes: Uint8Array, rules: PickleRules, what: string): PickleValue {
  return new Interpreter(new PickleBytes(bytes, what), rules).run();
}

class Interpreter {
  readonly #bytes: PickleBytes;
  readonly #rules: PickleRules;
  readonly #stack: Entry[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #numValues = 0;

  constructor(bytes: PickleBytes, rules: PickleRules) {
    this.#bytes = bytes;
    this.#rules = rules;
  }

  run(): PickleValue {
    for (;;) {
      const opcode = this.#bytes.u8();
      if (opcode === 0x2e) return this.#pop(); // STOP
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        return this.#bytes.skip(1);
      case 0x95: // FRAME
        return this.#bytes.skip(8);
      case 0x28: // MARK
        this.#count(1);
        return void this.#stack.push(MARK);
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(this.#bytes.i32());
      case 0x4b: // BININT1
        return this.#push(this.#bytes.u8());
      case 0x4d: // BININT2
        return this.#push(this.#bytes.u16());
      case 0x8a: // LONG1
        return this.#push(this.#bytes.long(this.#bytes.u8()));
      case 0x47: // BINFLOAT
        return this.#push(this.#bytes.f64());
      case 0x58: // BINUNICODE
        return this.#push(this.#bytes.text(this.#bytes.u32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#bytes.text(this.#bytes.u8()));
      case 0x7d: // EMPTY_DICT
        return this.#push(new PickleMap());
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.#push([]);
      case 0x74: // TUPLE
        return this.#push(this.#popToMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(this.#popMany(opcode - 0x84));
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());
      case 0x71: // BINPUT
        return this.#remember(this.#bytes.u8());
      case 0x72: // LONG_BINPUT
        return this.#remember(this.#bytes.u32());
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size);
      case 0x68: // BINGET
        return this.#push(this.#recall(this.#bytes.u8()));
      case 0x6a: // LONG_BINGET
        return this.#push(this.#recall(this.#bytes.u32()));
      case 0x63: // GLOBAL
        return this.#push(this.#global(this.#bytes.line(), this.#bytes.line()));
      case 0x93: { // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        return this.#push(this.#global(module, name));
      }
      case 0x51: // BINPERSID
        return this.#push(this.#persistent(this.#pop()));
      case 0x52: // REDUCE
        return this.#call();
      case 0x62: // BUILD: attributes of an object carry nothing that is wanted.
        return void this.#popMany(1);
      default:
        throw this.#bytes.error(`opcode 0x${opcode.toString(16).padStart(2, "0")} is not allowed`);
    }
  }

  #call(): void {
    const [callee, args] = this.#popMany(2);
    const name = callee instanceof PickleGlobal ? callee.name : "a value";
    const call = this.#rules.globals.get(name);
    if (!call || !Array.isArray(args)) throw this.#bytes.error(`it calls ${name}, which is not allowed`);
    // Counts list arguments: the same long list may be passed to a call any number of times.
    for (const arg of args) this.#count(Array.isArray(arg) ? arg.length : 1);
    this.#push(call(args));
  }

  #global(module: PickleValue | undefined, name: PickleValue | undefined): PickleGlobal {
    const path = `${module}.${name}`;
    if (!this.#rules.globals.has(path)) throw this.#bytes.error(`it refers to ${path}, which is not allowed`);
    return new PickleGlobal(path);
  }

  #persistent(id: PickleValue): PickleValue {
    if (!this.#rules.persistent) throw this.#bytes.error("it refers to data outside of it");
    return this.#rules.persistent(id);
  }

  #append(values: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#bytes.error("it appends to something that is no list");
    for (const value of values) list.push(value);
  }

  #setItems(items: readonly PickleValue[]): void {
    const map = this.#top();
    if (!(map instanceof PickleMap) || items.length % 2 !== 0) {
      throw this.#bytes.error("it has a malformed dict");
    }
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  #remember(key: number): void {
    this.#count(1);
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): PickleValue {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.#bytes.error(`it recalls ${key}, which was not remembered`);
    return value;
  }

  #push(value: PickleValue): void {
    this.#count(1);
    this.#stack.push(value);
  }

  #count(numValues: number): void {
    this.#numValues += numValues;
    if (this.#numValues > MAX_VALUES) throw this.#bytes.error(`it holds more than ${MAX_VALUES} values`);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw this.#bytes.error("its stack is empty");
    return value;
  }

  #top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #popToMark(): PickleValue[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.#bytes.error("a mark is missing");
    return this.#stack.splice(mark).slice(1) as PickleValue[];
  }
}
