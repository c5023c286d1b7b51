/**
 * Runs the statements of templates.
 *
 * @module
 */
import { isTrue, makeDict } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { Evaluator } from "./evaluator.ts";
import { iterate, unpack } from "./iterate.ts";
import { LoopContext } from "./loop_context.ts";
import { MAX_TEXT } from "./python_text.ts";
import { Scope } from "./scope.ts";
import type { Expression, ForLoop, MacroBody, Statement, Target } from "./syntax.ts";
import { stringOf } from "./to_text.ts";
import { type CallArguments, MacroFunction, Namespace, Tuple, Undefined, type Value } from "./values.ts";
import { namesIn } from "./walk.ts";

/** What ends a run of statements early. */
type Signal = "Break" | "Continue" | undefined;

/** Text that grows, up to a length. */
class Output {
  text = "";
  readonly #maxLength: number;

  constructor(maxLength = MAX_TEXT) {
    this.#maxLength = maxLength;
  }

  add(text: string): void {
    this.text += text;
    if (this.text.length > this.#maxLength) {
      throw new JinjaError("LimitError", `the template makes more than ${this.#maxLength} characters`);
    }
  }
}

/** Renders a template once. */
export class Interpreter {
  readonly #evaluator = new Evaluator();

  /**
   * The text of a template.
   *
   * @throws {JinjaError} what jinja2 or Python would throw, or LimitError
   */
  render(body: readonly Statement[], scope: Scope, maxLength: number): string {
    const output = new Output(maxLength);
    this.#run(body, scope, output);
    return output.text;
  }

  #run(body: readonly Statement[], scope: Scope, output: Output): Signal {
    for (const statement of body) {
      const signal = this.#runOne(statement, scope, output);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  #runOne(statement: Statement, scope: Scope, output: Output): Signal {
    this.#evaluator.step();
    switch (statement.type) {
      case "Data":
        output.add(statement.text);
        return undefined;
      case "Output":
        for (const item of statement.items) output.add(stringOf(this.#evaluate(item, scope)));
        return undefined;
      case "If": {
        const branch = statement.branches.find(([test]) => isTrue(this.#evaluate(test, scope)));
        return this.#run(branch?.[1] ?? statement.otherwise, scope, output);
      }
      case "For":
        return this.#runFor(statement, scope, output);
      case "Break":
      case "Continue":
        return statement.type;
      case "Assign":
        this.#assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return undefined;
      case "AssignBlock": {
        const block = new Output();
        const signal = this.#run(statement.body, new Scope(scope), block);
        if (signal !== undefined) return signal;
        this.#assign(statement.target, this.#applyFilter(statement.filter, block.text, scope), scope);
        return undefined;
      }
      case "With": {
        const inner = new Scope(scope);
        const values = statement.values.map((value) => this.#evaluate(value, scope));
        for (const [i, target] of statement.targets.entries()) this.#assign(target, values[i]!, inner);
        return this.#run(statement.body, inner, output);
      }
      case "Macro":
        scope.set(statement.name, this.#makeMacro(statement.name, statement, scope));
        return undefined;
      case "CallBlock": {
        const caller = this.#makeMacro("caller", statement, scope);
        const args = this.#evaluator.evaluateArguments(statement.call.args, scope);
        const callee = this.#evaluate(statement.call.callee, scope);
        const named = new Map([...args.named, ["caller", caller] as const]);
        output.add(stringOf(this.#evaluator.call(callee, { ...args, named })));
        return undefined;
      }
      case "FilterBlock": {
        const block = new Output();
        const signal = this.#run(statement.body, new Scope(scope), block);
        if (signal !== undefined) return signal;
        output.add(stringOf(this.#applyFilter(statement.filter, block.text, scope)));
        return undefined;
      }
      case "Generation":
        this.#run(statement.body, new Scope(scope), output);
        return undefined;
    }
  }

  #evaluate(node: Expression, scope: Scope): Value {
    return this.#evaluator.evaluate(node, scope);
  }

  #applyFilter(filter: Expression | undefined, text: string, scope: Scope): Value {
    return filter === undefined ? text : this.#evaluator.evaluate(filter, scope, text);
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    switch (target.type) {
      case "Name":
        return scope.set(target.name, value);
      case "NSRef": {
        const namespace = scope.get(target.name);
        if (!(namespace instanceof Namespace)) {
          throw new JinjaError("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
        }
        return namespace.assign(target.attribute, value);
      }
      case "TargetTuple": {
        const values = unpack(value, target.items.length);
        for (const [i, item] of target.items.entries()) this.#assign(item, values[i]!, scope);
      }
    }
  }

  #runFor(node: ForLoop, scope: Scope, output: Output): Signal {
    return this.#loopOver(node, this.#evaluate(node.over, scope), { scope, output, depth0: 0 });
  }

  #loopOver(
    node: ForLoop,
    over: Value,
    { scope, output, depth0 }: { readonly scope: Scope; readonly output: Output; readonly depth0: number },
  ): Signal {
    const render = (inner: Value) => {
      const block = new Output();
      this.#loopOver(node, inner, { scope, output: block, depth0: depth0 + 1 });
      return block.text;
    };
    const all = iterate(over);
    const { test } = node;
    const loop = new LoopContext(
      test === undefined ? over : undefined,
      test === undefined ? all : this.#select(all, node.target, test, scope),
      { depth0, render: node.isRecursive ? render : undefined },
    );
    // Like in jinja2, a turn that is cut short does not count for `else`.
    let hasCompleted = false;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      this.#evaluator.step();
      const turn = new Scope(scope);
      turn.set("loop", loop);
      this.#assign(node.target, item, turn);
      const signal = this.#run(node.body, turn, output);
      if (signal === "Break") break;
      if (signal === undefined) hasCompleted = true;
    }
    return hasCompleted ? undefined : this.#run(node.otherwise, new Scope(scope), output);
  }

  *#select(all: Iterator<Value>, target: Target, test: Expression, scope: Scope): Generator<Value> {
    for (let next = all.next(); !next.done; next = all.next()) {
      const inner = new Scope(scope);
      this.#assign(target, next.value, inner);
      if (isTrue(this.#evaluate(test, inner))) yield next.value;
    }
  }

  /** A macro, or what `caller()` calls. It sees the variables of the place where it stands, as they are when it runs. */
  #makeMacro(name: string, { parameters, body }: MacroBody, scope: Scope): MacroFunction {
    const used = namesIn(body);
    const takes = (special: string) => used.has(special) && !parameters.some((one) => one.name === special);
    const attributes = {
      arguments: new Tuple(parameters.map((one) => one.name)),
      "catch_kwargs": takes("kwargs"),
      "catch_varargs": takes("varargs"),
      caller: used.has("caller"),
    };
    return new MacroFunction(name, attributes, ({ positional, named }) => {
      const inner = new Scope(scope);
      const rest = new Map(named);
      const given = parameters.map((parameter, i) => {
        const value = i < positional.length ? positional[i] : rest.get(parameter.name);
        if (i >= positional.length) rest.delete(parameter.name);
        return value;
      });
      if (takes("caller")) {
        inner.set("caller", rest.get("caller") ?? new Undefined("No caller defined"));
        rest.delete("caller");
      }
      this.#setRest(name, { positional: positional.slice(parameters.length), named: rest }, inner, takes);
      for (const [i, { name: parameter, otherwise }] of parameters.entries()) {
        const missing = new Undefined(`parameter '${parameter}' was not provided`);
        const value = given[i];
        if (value !== undefined) inner.set(parameter, value);
        else inner.set(parameter, otherwise === undefined ? missing : this.#evaluate(otherwise, inner));
      }
      const output = new Output();
      this.#run(body, inner, output);
      return output.text;
    });
  }

  #setRest(name: string, rest: CallArguments, scope: Scope, takes: (special: string) => boolean): void {
    if (takes("kwargs")) scope.set("kwargs", makeDict(rest.named));
    else if (rest.named.size > 0) {
      throw typeError(`macro '${name}' takes no keyword argument '${[...rest.named.keys()][0]}'`);
    }
    if (takes("varargs")) scope.set("varargs", new Tuple(rest.positional));
    else if (rest.positional.length > 0) throw typeError(`macro '${name}' takes fewer positional arguments`);
  }
}
