/**
 * Walks through the syntax tree of a template.
 *
 * @module
 */
import type { Arguments, Expression, MacroBody, Statement } from "./syntax.ts";

/** Sees nodes. */
export interface Visitor {
  /** `isSoft`: it stands in a branch, where jinja2 lets unknown names pass until they are reached. */
  expression?(node: Expression, isSoft: boolean): void;
  /** Sees every statement. */
  statement?(node: Statement): void;
}

/** Shows every expression of the statements to a visitor. */
export function walk(body: readonly Statement[], visitor: Visitor, isSoft = false): void {
  for (const statement of body) walkStatement(statement, visitor, isSoft);
}

function walkStatement(node: Statement, visitor: Visitor, isSoft: boolean): void {
  visitor.statement?.(node);
  const expression = (child: Expression | undefined) => {
    if (child !== undefined) walkExpression(child, visitor, isSoft);
  };
  const macro = ({ parameters, body }: MacroBody) => {
    for (const { otherwise } of parameters) expression(otherwise);
    walk(body, visitor);
  };
  switch (node.type) {
    case "Data":
    case "Break":
    case "Continue":
      return;
    case "Output":
      return node.items.forEach(expression);
    case "If":
      for (const [test, branch] of node.branches) {
        walkExpression(test, visitor, true);
        walk(branch, visitor, true);
      }
      return walk(node.otherwise, visitor, true);
    case "For":
      expression(node.over);
      expression(node.test);
      walk(node.body, visitor);
      return walk(node.otherwise, visitor);
    case "Assign":
      return expression(node.value);
    case "AssignBlock":
    case "FilterBlock":
      expression(node.filter);
      return walk(node.body, visitor);
    case "With":
      node.values.forEach(expression);
      return walk(node.body, visitor);
    case "Macro":
      return macro(node);
    case "CallBlock":
      expression(node.call);
      return macro(node);
    case "Generation":
      return walk(node.body, visitor);
  }
}

function walkExpression(node: Expression, visitor: Visitor, isSoft: boolean): void {
  visitor.expression?.(node, isSoft);
  const visit = (child: Expression | undefined) => {
    if (child !== undefined) walkExpression(child, visitor, isSoft);
  };
  const visitArguments = ({ positional, named, rest, namedRest }: Arguments) => {
    positional.forEach(visit);
    for (const [, value] of named) visit(value);
    visit(rest);
    visit(namedRest);
  };
  switch (node.type) {
    case "Const":
    case "Name":
      return;
    case "Tuple":
    case "List":
    case "Concat":
      return node.items.forEach(visit);
    case "Dict":
      return node.entries.forEach((entry) => entry.forEach(visit));
    case "Getitem":
      visit(node.of);
      return visit(node.index);
    case "Slice":
      return [node.start, node.stop, node.step].forEach(visit);
    case "Call":
      visit(node.callee);
      return visitArguments(node.args);
    case "Filter":
    case "Test":
      visit(node.of);
      return visitArguments(node.args);
    case "Getattr":
    case "Not":
    case "Neg":
    case "Pos":
      return visit(node.of);
    case "Compare":
      visit(node.first);
      return node.rest.forEach(({ right }) => visit(right));
    case "CondExpr":
      for (const child of [node.test, node.then, node.otherwise]) {
        if (child !== undefined) walkExpression(child, visitor, true);
      }
      return;
    default:
      visit(node.left);
      visit(node.right);
  }
}

/** Whether a loop goes over a variable, an attribute or an item of this name. */
export function hasLoopOver(name: string, body: readonly Statement[]): boolean {
  let isFound = false;
  walk(body, {
    statement: (node) => {
      if (node.type === "For") isFound ||= nameOf(node.over) === name;
    },
  });
  return isFound;
}

function nameOf(node: Expression): unknown {
  if (node.type === "Name" || node.type === "Getattr") return node.name;
  return node.type === "Getitem" && node.index.type === "Const" ? node.index.value : undefined;
}

/** The variables that statements read. */
export function namesIn(body: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>();
  walk(body, { expression: (node) => void (node.type === "Name" && names.add(node.name)) });
  return names;
}
