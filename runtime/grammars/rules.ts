/**
 * Rules of a grammar under construction, and what remains of them when rules without a text are taken out.
 *
 * @module
 */
import { EbnfWriter } from "./ebnf_writer.ts";
import { choice, type Expression, isNothing, NOTHING, repeat, sequence } from "./expression.ts";

/** Most steps to build the automatons of a grammar. */
const MAX_AUTOMATON_STEPS = 400_000;

/** Rules by name. */
export class Rules {
  readonly #bodies = new Map<string, Expression>();
  /** Steps that the automatons of all rules together may take. */
  readonly automatonSteps: { left: number } = { left: MAX_AUTOMATON_STEPS };

  /** Whether there is a rule of that name. */
  has(name: string): boolean {
    return this.#bodies.has(name);
  }

  /** Gives a rule its body. */
  set(name: string, body: Expression): void {
    this.#bodies.set(name, body);
  }

  /** A new rule with this body. */
  add(body: Expression): Expression {
    if (body.type === "text" || body.type === "rule" || isNothing(body)) return body;
    const name = `n${this.#bodies.size}`;
    this.#bodies.set(name, body);
    return { type: "rule", name };
  }

  /** A new rule whose body follows. */
  reserve(): Expression {
    const name = `n${this.#bodies.size}`;
    this.#bodies.set(name, NOTHING);
    return { type: "rule", name };
  }

  /** Gives a reserved rule its body. */
  fill(rule: Expression, body: Expression): void {
    if (rule.type === "rule") this.#bodies.set(rule.name, body);
  }

  /**
   * The grammar that begins with `start`, in EBNF; undefined if it has no text. Throws InvalidRequestError, which
   * names `param`, if it is too large.
   */
  write(start: Expression, param: string): string | undefined {
    const productive = this.#productive();
    const root = productiveOf(start, productive);
    if (isNothing(root)) return undefined;
    const writer = new EbnfWriter(param);
    writer.rule("root", root);
    const seen = new Set<string>(), queue = [root];
    for (let next = queue.pop(); next; next = queue.pop()) {
      for (const name of referencesOf(next)) {
        if (seen.has(name)) continue;
        seen.add(name);
        const body = productiveOf(this.#bodies.get(name)!, productive);
        writer.rule(name, body);
        queue.push(body);
      }
    }
    return writer.text();
  }

  /** Names of the rules that have a text. */
  #productive(): ReadonlySet<string> {
    const productive = new Set<string>();
    const users = new Map<string, string[]>();
    for (const [name, body] of this.#bodies) {
      for (const used of referencesOf(body)) {
        const list = users.get(used);
        if (list) list.push(name);
        else users.set(used, [name]);
      }
    }
    const queue = [...this.#bodies.keys()];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (productive.has(name) || !isProductive(this.#bodies.get(name)!, productive)) continue;
      productive.add(name);
      queue.push(...users.get(name) ?? []);
    }
    return productive;
  }
}

function isProductive(expression: Expression, rules: ReadonlySet<string>): boolean {
  switch (expression.type) {
    case "text":
      return true;
    case "set":
      return expression.set.length > 0;
    case "sequence":
      return expression.parts.every((part) => isProductive(part, rules));
    case "choice":
      return expression.options.some((option) => isProductive(option, rules));
    case "repeat":
      return expression.min === 0 || isProductive(expression.body, rules);
    case "rule":
      return rules.has(expression.name);
  }
}

/** The expression without what refers to other rules than these. */
function productiveOf(expression: Expression, rules: ReadonlySet<string>): Expression {
  switch (expression.type) {
    case "text":
    case "set":
      return expression;
    case "sequence":
      return sequence(...expression.parts.map((part) => productiveOf(part, rules)));
    case "choice":
      return choice(...expression.options.map((option) => productiveOf(option, rules)));
    case "repeat":
      return repeat(productiveOf(expression.body, rules), expression.min, expression.max);
    case "rule":
      return rules.has(expression.name) ? expression : NOTHING;
  }
}

function* referencesOf(expression: Expression): Generator<string> {
  switch (expression.type) {
    case "text":
    case "set":
      return;
    case "sequence":
      for (const part of expression.parts) yield* referencesOf(part);
      return;
    case "choice":
      for (const option of expression.options) yield* referencesOf(option);
      return;
    case "repeat":
      yield* referencesOf(expression.body);
      return;
    case "rule":
      yield expression.name;
  }
}
