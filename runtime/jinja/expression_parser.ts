/**
 * Parser of expressions, with jinja2's precedences: filters and tests bind tighter than `**`, `~` than `+`.
 *
 * @module
 */
import { CONSTANTS, OperandParser } from "./operand_parser.ts";
import type { Call, Comparison, ComparisonOperator, Expression, Name, Target } from "./syntax.ts";

const SUMS = new Map([["+", "Add"], ["-", "Sub"]] as const);
const PRODUCTS = new Map([["*", "Mul"], ["/", "Div"], ["//", "FloorDiv"], ["%", "Mod"]] as const);
const COMPARISONS: readonly ComparisonOperator[] = ["==", "!=", ">", ">=", "<", "<="];

/** Reads expressions from a stream of tokens. Errors are JinjaErrors of kind TemplateSyntaxError. */
export class ExpressionParser extends OperandParser {
  /** One expression; `withCondition` (true) allows `a if b else c`. */
  override parse(withCondition = true): Expression {
    return withCondition ? this.#parseCondition() : this.#parseOr();
  }

  /** Expressions with commas, which are a tuple, or one alone. `endsAt` is a name that ends the list. */
  override parseTuple({ withCondition = true, endsAt = "", mayBeEmpty = false } = {}): Expression {
    const [items, isTuple] = this.#parseList(() => this.parse(withCondition), endsAt);
    if (isTuple || items.length === 0 && mayBeEmpty) return { type: "Tuple", items };
    if (items.length === 0) {
      throw this.stream.error(`Expected an expression, got ${this.stream.describe()}`);
    }
    return items[0]!;
  }

  /** What is assigned to; `withNamespace` allows `namespace.attribute`, `endsAt` is a name that ends the list. */
  parseTarget({ withNamespace = false, endsAt = "" } = {}): Target {
    const [items, isTuple] = this.#parseList(() => this.#parseOneTarget(withNamespace), endsAt);
    if (isTuple) return { type: "TargetTuple", items };
    if (items.length === 0) throw this.stream.error(`Expected a variable, got ${this.stream.describe()}`);
    return items[0]!;
  }

  /** The name of a variable that is assigned to. */
  parseName(): Name {
    const { text } = this.stream.expect("name");
    if (CONSTANTS.has(text)) throw this.stream.error(`can't assign to '${text}'`);
    return { type: "Name", name: text };
  }

  /** A call, for the tag of that name. */
  parseCallExpression(): Call {
    const call = this.parse();
    if (call.type !== "Call") throw this.stream.error("expected call");
    return call;
  }

  #parseList<Item>(parse: () => Item, endsAt: string): [items: Item[], isTuple: boolean] {
    const items: Item[] = [];
    let isTuple = false;
    for (;;) {
      if (this.#endsList(endsAt)) break;
      items.push(parse());
      if (!this.stream.skipIf("operator", ",")) break;
      isTuple = true;
    }
    return [items, isTuple];
  }

  #endsList(endsAt: string): boolean {
    return this.stream.is("variable_end") || this.stream.is("block_end") || this.stream.isOperator(")") ||
      endsAt !== "" && this.stream.is("name", endsAt);
  }

  #parseOneTarget(withNamespace: boolean): Target {
    if (this.stream.skipIf("operator", "(")) {
      const target = this.parseTarget({ withNamespace });
      this.stream.expect("operator", ")");
      return target;
    }
    const name = this.parseName();
    if (!withNamespace || !this.stream.skipIf("operator", ".")) return name;
    return { type: "NSRef", name: name.name, attribute: this.stream.expect("name").text };
  }

  #parseCondition(): Expression {
    let then = this.#parseOr();
    while (this.stream.skipIf("name", "if")) {
      const test = this.#parseOr();
      const otherwise = this.stream.skipIf("name", "else") ? this.#parseCondition() : undefined;
      then = { type: "CondExpr", test, then, otherwise };
    }
    return then;
  }

  #parseOr(): Expression {
    let left = this.#parseAnd();
    while (this.stream.skipIf("name", "or")) left = { type: "Or", left, right: this.#parseAnd() };
    return left;
  }

  #parseAnd(): Expression {
    let left = this.#parseNot();
    while (this.stream.skipIf("name", "and")) left = { type: "And", left, right: this.#parseNot() };
    return left;
  }

  #parseNot(): Expression {
    if (this.stream.skipIf("name", "not")) return { type: "Not", of: this.#parseNot() };
    return this.#parseComparisons();
  }

  #parseComparisons(): Expression {
    const first = this.#parseSum();
    const rest: Comparison[] = [];
    for (;;) {
      const operator = this.#takeComparison();
      if (operator === undefined) break;
      rest.push({ operator, right: this.#parseSum() });
    }
    return rest.length === 0 ? first : { type: "Compare", first, rest };
  }

  #takeComparison(): ComparisonOperator | undefined {
    if (this.stream.skipIf("name", "in")) return "in";
    if (this.stream.is("name", "not") && this.stream.is("name", "in", 1)) {
      this.stream.next();
      this.stream.next();
      return "not in";
    }
    const operator = COMPARISONS.find((text) => this.stream.isOperator(text));
    if (operator !== undefined) this.stream.next();
    return operator;
  }

  #parseSum(): Expression {
    return this.#parseChain(SUMS, () => this.#parseConcat());
  }

  #parseConcat(): Expression {
    const first = this.#parseProduct();
    const items = [first];
    while (this.stream.skipIf("operator", "~")) items.push(this.#parseProduct());
    return items.length === 1 ? first : { type: "Concat", items };
  }

  #parseProduct(): Expression {
    return this.#parseChain(
      PRODUCTS,
      () => this.#parseChain(new Map([["**", "Pow"]]), () => this.#parseUnary()),
    );
  }

  #parseChain<Type extends "Add" | "Sub" | "Mul" | "Div" | "FloorDiv" | "Mod" | "Pow">(
    types: ReadonlyMap<string, Type>,
    parse: () => Expression,
  ): Expression {
    let left = parse();
    for (;;) {
      const type = this.stream.is("operator") ? types.get(this.stream.current.text) : undefined;
      if (type === undefined) return left;
      this.stream.next();
      left = { type, left, right: parse() };
    }
  }

  #parseUnary(withFilters = true): Expression {
    let expression: Expression;
    if (this.stream.skipIf("operator", "-")) expression = { type: "Neg", of: this.#parseUnary(false) };
    else if (this.stream.skipIf("operator", "+")) expression = { type: "Pos", of: this.#parseUnary(false) };
    else expression = this.parsePrimary();
    expression = this.parsePostfix(expression);
    return withFilters ? this.parseFilters(expression) : expression;
  }
}
