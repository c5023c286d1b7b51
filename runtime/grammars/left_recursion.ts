/**
 * Left recursion of rules: a rule whose text may begin with itself.
 *
 * @module
 */
import type { Expression } from "./expression.ts";

/** A rule that may begin with itself, found without descending by calls; undefined: there is none. */
export function findLeftRecursion(
  rules: ReadonlyMap<string, Expression>,
  nameOf: (reference: string) => string,
): string | undefined {
  const nullable = nullableRules(rules, nameOf);
  const isNullable = (name: string) => nullable.has(nameOf(name));
  const firsts = new Map([...rules].map(([name, body]) => {
    const references = new Set<string>();
    collectFirst(body, isNullable, references);
    return [name, [...references].map(nameOf)];
  }));
  const done = new Set<string>();
  for (const start of rules.keys()) {
    const path: { name: string; next: number }[] = [{ name: start, next: 0 }], onPath = new Set([start]);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = done.has(top.name) ? undefined : firsts.get(top.name)?.[top.next++];
      if (next === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(next)) {
        return next;
      } else if (!done.has(next)) {
        onPath.add(next);
        path.push({ name: next, next: 0 });
      }
    }
  }
  return undefined;
}

function nullableRules(
  rules: ReadonlyMap<string, Expression>,
  nameOf: (reference: string) => string,
): ReadonlySet<string> {
  const nullable = new Set<string>(), users = new Map<string, string[]>();
  for (const [name, body] of rules) {
    const references = new Set<string>();
    collectFirst(body, () => true, references);
    for (const reference of references) {
      const list = users.get(nameOf(reference));
      if (list) list.push(name);
      else users.set(nameOf(reference), [name]);
    }
  }
  const queue = [...rules.keys()];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const body = rules.get(name);
    if (!body || nullable.has(name) || !isNullable(body, (reference) => nullable.has(nameOf(reference)))) {
      continue;
    }
    nullable.add(name);
    queue.push(...users.get(name) ?? []);
  }
  return nullable;
}

/** Whether an expression may be the empty text. */
export function isNullable(expression: Expression, isRuleNullable: (name: string) => boolean): boolean {
  switch (expression.type) {
    case "text":
      return expression.text === "";
    case "set":
      return false;
    case "sequence":
      return expression.parts.every((part) => isNullable(part, isRuleNullable));
    case "choice":
      return expression.options.some((option) => isNullable(option, isRuleNullable));
    case "repeat":
      return expression.min === 0 || isNullable(expression.body, isRuleNullable);
    case "rule":
      return isRuleNullable(expression.name);
  }
}

/** Adds the rules with which an expression may begin. */
function collectFirst(
  expression: Expression,
  isRuleNullable: (name: string) => boolean,
  references: Set<string>,
): void {
  switch (expression.type) {
    case "text":
    case "set":
      return;
    case "sequence":
      for (const part of expression.parts) {
        collectFirst(part, isRuleNullable, references);
        if (!isNullable(part, isRuleNullable)) return;
      }
      return;
    case "choice":
      for (const option of expression.options) collectFirst(option, isRuleNullable, references);
      return;
    case "repeat":
      return collectFirst(expression.body, isRuleNullable, references);
    case "rule":
      references.add(expression.name);
  }
}
