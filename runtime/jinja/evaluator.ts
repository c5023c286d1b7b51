/**
 * The values of expressions.
 *
 * @module
 */
import { applySign, calculate } from "./arithmetic.ts";
import { getAttribute, getItem, getSlice } from "./attributes.ts";
import { areEqual, isTrue, keyOf, makeDict, order } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import type { FilterContext } from "./filter.ts";
import { filters } from "./filters.ts";
import { contains, listOf } from "./iterate.ts";
import { checkLength } from "./python_text.ts";
import type { Scope } from "./scope.ts";
import type { Arguments, Comparison, ComparisonOperator, Expression } from "./syntax.ts";
import { stringOf } from "./to_text.ts";
import {
  Callable,
  type CallArguments,
  Dict,
  textOf,
  Tuple,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";
import { valueTests } from "./value_tests.ts";

/** Expressions and statements that one rendering may evaluate: seconds of work. */
const MAX_STEPS = 50_000_000;

/** Evaluates the expressions of one rendering. */
export class Evaluator implements FilterContext {
  #numSteps = 0;

  /** Counts one more step. */
  step(): void {
    if (++this.#numSteps > MAX_STEPS) {
      throw new JinjaError("LimitError", `the template takes more than ${MAX_STEPS} steps`);
    }
  }

  /** The value of an expression; `filtered` is what a block's filters apply to. */
  evaluate(node: Expression, scope: Scope, filtered?: Value): Value {
    this.step();
    switch (node.type) {
      case "Const":
        return node.value;
      case "Name":
        return lookUp(node.name, scope);
      case "List":
        return node.items.map((item) => this.evaluate(item, scope));
      case "Tuple":
        return new Tuple(node.items.map((item) => this.evaluate(item, scope)));
      case "Dict":
        return makeDict(
          node.entries.map(([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)]),
        );
      case "Getattr":
        return getAttribute(this.evaluate(node.of, scope), node.name);
      case "Getitem":
        return this.#evaluateItem(this.evaluate(node.of, scope), node.index, scope);
      case "Slice":
        throw typeError("a slice stands alone in its brackets");
      case "Call":
        return this.call(this.evaluate(node.callee, scope), this.evaluateArguments(node.args, scope));
      case "Filter": {
        const value = node.of === undefined ? filtered! : this.evaluate(node.of, scope, filtered);
        return this.filter(node.name, value, this.evaluateArguments(node.args, scope));
      }
      case "Test":
        return this.test(node.name, this.evaluate(node.of, scope), this.evaluateArguments(node.args, scope));
      case "Not":
        return !isTrue(this.evaluate(node.of, scope));
      case "Neg":
      case "Pos":
        return applySign(node.type, this.evaluate(node.of, scope));
      case "And": {
        const left = this.evaluate(node.left, scope);
        return isTrue(left) ? this.evaluate(node.right, scope) : left;
      }
      case "Or": {
        const left = this.evaluate(node.left, scope);
        return isTrue(left) ? left : this.evaluate(node.right, scope);
      }
      case "Concat":
        return this.#concatenate(node.items, scope);
      case "Compare":
        return this.#compare(this.evaluate(node.first, scope), node.rest, scope);
      case "CondExpr":
        return this.#evaluateCondition(node, scope);
      default:
        return calculate(node.type, this.evaluate(node.left, scope), this.evaluate(node.right, scope));
    }
  }

  /** Calls a value. */
  call(callee: Value, args: CallArguments): Value {
    if (callee instanceof Callable) return callee.call(args);
    if (callee instanceof Undefined) throw callee.error();
    throw typeError(`'${typeNameOf(callee)}' object is not callable`);
  }

  /** Applies a filter. */
  filter(name: string, value: Value, args: CallArguments): Value {
    this.step();
    const run = filters.get(name);
    if (run === undefined) throw new JinjaError("TemplateRuntimeError", `No filter named '${name}' found.`);
    return run(value, args, this);
  }

  /** Asks a test. */
  test(name: string, value: Value, args: CallArguments): boolean {
    this.step();
    if (name === "filter" || name === "test") {
      const key = keyOf(value);
      return typeof key === "string" && (name === "filter" ? filters.has(key) : isTestName(key));
    }
    const run = valueTests.get(name);
    if (run === undefined) throw new JinjaError("TemplateRuntimeError", `No test named '${name}' found.`);
    return run(value, args);
  }

  /** The values of arguments. */
  evaluateArguments({ positional, named, rest, namedRest }: Arguments, scope: Scope): CallArguments {
    const values = positional.map((value) => this.evaluate(value, scope));
    if (rest !== undefined) values.push(...listOf(this.evaluate(rest, scope)));
    const byName = new Map(named.map(([name, value]) => [name, this.evaluate(value, scope)]));
    if (byName.size < named.length) throw new JinjaError("TemplateSyntaxError", "keyword argument repeated");
    if (namedRest !== undefined) this.#addNamed(byName, this.evaluate(namedRest, scope));
    return { positional: values, named: byName };
  }

  #addNamed(named: Map<string, Value>, given: Value): void {
    if (given instanceof Undefined) throw given.error();
    if (!(given instanceof Dict)) {
      throw typeError(`argument after ** must be a mapping, not ${typeNameOf(given)}`);
    }
    for (const [key, value] of given.entries.values()) {
      const name = textOf(key);
      if (name === undefined) throw typeError("keywords must be strings");
      if (named.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`);
      named.set(name, value);
    }
  }

  #evaluateItem(value: Value, index: Expression, scope: Scope): Value {
    if (index.type !== "Slice") return getItem(value, this.evaluate(index, scope));
    const part = (node: Expression | undefined) => node === undefined ? null : this.evaluate(node, scope);
    return getSlice(value, part(index.start), part(index.stop), part(index.step));
  }

  #concatenate(items: readonly Expression[], scope: Scope): string {
    let text = "";
    for (const item of items) {
      text += stringOf(this.evaluate(item, scope));
      checkLength(text.length);
    }
    return text;
  }

  #compare(first: Value, rest: readonly Comparison[], scope: Scope): Value {
    let left = first;
    for (const { operator, right } of rest) {
      const value = this.evaluate(right, scope);
      if (!holds(operator, left, value)) return false;
      left = value;
    }
    return true;
  }

  #evaluateCondition(node: Expression & { type: "CondExpr" }, scope: Scope): Value {
    if (isTrue(this.evaluate(node.test, scope))) return this.evaluate(node.then, scope);
    if (node.otherwise !== undefined) return this.evaluate(node.otherwise, scope);
    return new Undefined("the inline if-expression evaluated to false and no else section was defined.");
  }
}

/** Whether there is a test of this name. */
export function isTestName(name: string): boolean {
  return valueTests.has(name) || name === "filter" || name === "test";
}

function lookUp(name: string, scope: Scope): Value {
  const value = scope.get(name);
  return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
}

function holds(operator: ComparisonOperator, left: Value, right: Value): boolean {
  switch (operator) {
    case "==":
      return areEqual(left, right);
    case "!=":
      return !areEqual(left, right);
    case "<":
      return order(left, right, operator) < 0;
    case "<=":
      return order(left, right, operator) <= 0;
    case ">":
      return order(left, right, operator) > 0;
    case ">=":
      return order(left, right, operator) >= 0;
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
  }
}
