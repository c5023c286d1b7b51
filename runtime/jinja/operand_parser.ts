/**
 * Parser of operands: names and literals with the attributes, items, calls, filters and tests behind them.
 *
 * @module
 */
import type { Arguments, Expression, Slice } from "./syntax.ts";
import type { TokenStream } from "./token_stream.ts";

const NOTHING: Arguments = { positional: [], named: [], rest: undefined, namedRest: undefined };
/** Names that are values. */
export const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ...[["true", true], ["True", true], ["false", false], ["False", false]] as const,
  ...[["none", null], ["None", null]] as const,
]);

/** The part of the parser of expressions that knows no operators. */
export abstract class OperandParser {
  /** The tokens to read. */
  protected readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** One expression. */
  abstract parse(): Expression;

  /** Expressions with commas, which are a tuple, or one alone. */
  abstract parseTuple(options: { readonly mayBeEmpty: boolean }): Expression;

  /** Filters for the text of a block: `| a | b`, or `a | b` with `startsInline`; undefined if there is none. */
  parseBlockFilter(startsInline: boolean): Expression | undefined {
    let filtered: Expression | undefined;
    let isInline = startsInline;
    while (isInline || this.stream.skipIf("operator", "|")) {
      filtered = this.#parseFilter(filtered);
      isInline = false;
    }
    return filtered;
  }

  /** A name, a literal, or what stands in brackets. */
  protected parsePrimary(): Expression {
    const token = this.stream.next();
    switch (token.kind) {
      case "name": {
        const constant = CONSTANTS.get(token.text);
        return constant === undefined
          ? { type: "Name", name: token.text }
          : { type: "Const", value: constant };
      }
      case "string": {
        let value = token.text;
        while (this.stream.is("string")) value += this.stream.next().text;
        return { type: "Const", value };
      }
      case "integer":
        return { type: "Const", value: BigInt(token.text) };
      case "float":
        return { type: "Const", value: Number(token.text) };
      case "operator":
        if (token.text === "(") {
          const inner = this.parseTuple({ mayBeEmpty: true });
          this.stream.expect("operator", ")");
          return inner;
        }
        if (token.text === "[") return { type: "List", items: this.#parseItems("]", () => this.parse()) };
        if (token.text === "{") {
          return { type: "Dict", entries: this.#parseItems("}", () => this.#parseEntry()) };
        }
    }
    throw this.stream.error(
      `unexpected ${token.text === "" ? token.kind.replace("_", " ") : `'${token.text}'`}`,
    );
  }

  #parseItems<Item>(end: string, parse: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.stream.skipIf("operator", end)) {
      if (items.length > 0) this.stream.expect("operator", ",");
      if (this.stream.skipIf("operator", end)) break;
      items.push(parse());
    }
    return items;
  }

  #parseEntry(): readonly [Expression, Expression] {
    const key = this.parse();
    this.stream.expect("operator", ":");
    return [key, this.parse()];
  }

  /** Attributes, items and calls behind an operand. */
  protected parsePostfix(expression: Expression): Expression {
    for (;;) {
      if (this.stream.isOperator("(")) expression = this.#parseCall(expression);
      else if (this.stream.skipIf("operator", ".")) expression = this.#parseAttribute(expression);
      else if (this.stream.skipIf("operator", "[")) expression = this.#parseIndex(expression);
      else return expression;
    }
  }

  #parseAttribute(of: Expression): Expression {
    const token = this.stream.next();
    if (token.kind === "name") return { type: "Getattr", of, name: token.text };
    if (token.kind !== "integer") throw this.stream.error("expected name or number");
    return { type: "Getitem", of, index: { type: "Const", value: BigInt(token.text) } };
  }

  #parseIndex(of: Expression): Expression {
    const items = this.#parseItems("]", () => this.#parseSubscript());
    if (items.length === 0) throw this.stream.error("expected subscript expression");
    return { type: "Getitem", of, index: items.length === 1 ? items[0]! : { type: "Tuple", items } };
  }

  #parseSubscript(): Expression | Slice {
    const ends = () => this.stream.isOperator("]", ",", ":");
    const start = ends() ? undefined : this.parse();
    if (!this.stream.skipIf("operator", ":")) {
      if (start === undefined) throw this.stream.error("expected an expression");
      return start;
    }
    const stop = ends() ? undefined : this.parse();
    const step = this.stream.skipIf("operator", ":") && !ends() ? this.parse() : undefined;
    return { type: "Slice", start, stop, step };
  }

  /** Filters and tests behind an operand. */
  protected parseFilters(expression: Expression): Expression {
    for (;;) {
      if (this.stream.skipIf("operator", "|")) expression = this.#parseFilter(expression);
      else if (this.stream.skipIf("name", "is")) expression = this.#parseTest(expression);
      else if (this.stream.isOperator("(")) expression = this.#parseCall(expression);
      else return expression;
    }
  }

  #parseFilter(of: Expression | undefined): Expression {
    const name = this.#parseDottedName();
    return {
      type: "Filter",
      of,
      name,
      args: this.stream.isOperator("(") ? this.#parseArguments() : NOTHING,
    };
  }

  #parseTest(of: Expression): Expression {
    const isNegated = this.stream.skipIf("name", "not");
    const name = this.#parseDottedName();
    const test: Expression = { type: "Test", of, name, args: this.#parseTestArguments() };
    return isNegated ? { type: "Not", of: test } : test;
  }

  #parseTestArguments(): Arguments {
    if (this.stream.isOperator("(")) return this.#parseArguments();
    const { kind, text } = this.stream.current;
    const startsValue = kind === "string" || kind === "integer" || kind === "float" ||
      kind === "name" && !["else", "or", "and"].includes(text) || this.stream.isOperator("[", "{");
    if (!startsValue) return NOTHING;
    if (this.stream.is("name", "is")) throw this.stream.error("You cannot chain multiple tests with is");
    return { ...NOTHING, positional: [this.parsePostfix(this.parsePrimary())] };
  }

  #parseDottedName(): string {
    let name = this.stream.expect("name").text;
    while (this.stream.skipIf("operator", ".")) name += `.${this.stream.expect("name").text}`;
    return name;
  }

  #parseCall(callee: Expression): Expression {
    return { type: "Call", callee, args: this.#parseArguments() };
  }

  #parseArguments(): Arguments {
    const positional: Expression[] = [], named: [string, Expression][] = [];
    let rest: Expression | undefined, namedRest: Expression | undefined;
    const ensure = (isValid: boolean) => {
      if (!isValid) throw this.stream.error("invalid syntax for function call expression");
    };
    this.stream.expect("operator", "(");
    this.#parseItems(")", () => {
      if (this.stream.skipIf("operator", "*")) {
        ensure(rest === undefined && namedRest === undefined);
        rest = this.parse();
      } else if (this.stream.skipIf("operator", "**")) {
        ensure(namedRest === undefined);
        namedRest = this.parse();
      } else if (this.stream.is("name") && this.stream.is("operator", "=", 1)) {
        ensure(namedRest === undefined);
        const name = this.stream.next().text;
        this.stream.next();
        named.push([name, this.parse()]);
      } else {
        ensure(rest === undefined && namedRest === undefined && named.length === 0);
        positional.push(this.parse());
      }
    });
    return { positional, named, rest, namedRest };
  }
}
