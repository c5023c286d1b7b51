/**
 * The syntax tree of templates, named as jinja2 names its nodes.
 *
 * @module
 */

/** Anything that has a value. */
export type Expression =
  | { readonly type: "Const"; readonly value: null | boolean | bigint | number | string }
  | Name
  | { readonly type: "Tuple" | "List"; readonly items: readonly Expression[] }
  | { readonly type: "Dict"; readonly entries: readonly (readonly [key: Expression, value: Expression])[] }
  | { readonly type: "Getattr"; readonly of: Expression; readonly name: string }
  | { readonly type: "Getitem"; readonly of: Expression; readonly index: Expression }
  | Slice
  | Call
  | {
    readonly type: "Filter";
    readonly of: Expression | undefined;
    readonly name: string;
    readonly args: Arguments;
  }
  | { readonly type: "Test"; readonly of: Expression; readonly name: string; readonly args: Arguments }
  | { readonly type: "Not" | "Neg" | "Pos"; readonly of: Expression }
  | {
    readonly type: "And" | "Or" | "Add" | "Sub" | "Mul" | "Div" | "FloorDiv" | "Mod" | "Pow";
    readonly left: Expression;
    readonly right: Expression;
  }
  | { readonly type: "Concat"; readonly items: readonly Expression[] }
  | { readonly type: "Compare"; readonly first: Expression; readonly rest: readonly Comparison[] }
  | {
    readonly type: "CondExpr";
    readonly test: Expression;
    readonly then: Expression;
    readonly otherwise: Expression | undefined;
  };

/** A variable. */
export interface Name {
  readonly type: "Name";
  readonly name: string;
}

/** `start:stop:step` in brackets. */
export interface Slice {
  readonly type: "Slice";
  readonly start: Expression | undefined;
  readonly stop: Expression | undefined;
  readonly step: Expression | undefined;
}

/** A call. */
export interface Call {
  readonly type: "Call";
  readonly callee: Expression;
  readonly args: Arguments;
}

/** What a call, a filter or a test is given. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [name: string, value: Expression])[];
  /** `*args`. */
  readonly rest: Expression | undefined;
  /** `**kwargs`. */
  readonly namedRest: Expression | undefined;
}

/** How two values may be compared. */
export type ComparisonOperator = "==" | "!=" | ">" | ">=" | "<" | "<=" | "in" | "not in";

/** An operand of a chain of comparisons with the operator before it. */
export interface Comparison {
  readonly operator: ComparisonOperator;
  readonly right: Expression;
}

/** What can be assigned to. */
export type Target =
  | Name
  | { readonly type: "NSRef"; readonly name: string; readonly attribute: string }
  | { readonly type: "TargetTuple"; readonly items: readonly Target[] };

/** A parameter of a macro. */
export interface Parameter {
  readonly name: string;
  readonly otherwise: Expression | undefined;
}

/** What a macro and the body of a call have in common. */
export interface MacroBody {
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** Anything that makes output or changes variables. */
export type Statement =
  | { readonly type: "Data"; readonly text: string }
  | { readonly type: "Output"; readonly items: readonly Expression[] }
  | {
    readonly type: "If";
    readonly branches: readonly (readonly [test: Expression, body: readonly Statement[]])[];
    readonly otherwise: readonly Statement[];
  }
  | ForLoop
  | { readonly type: "Break" | "Continue" }
  | { readonly type: "Assign"; readonly target: Target; readonly value: Expression }
  | {
    readonly type: "AssignBlock";
    readonly target: Target;
    readonly filter: Expression | undefined;
    readonly body: readonly Statement[];
  }
  | {
    readonly type: "With";
    readonly targets: readonly Target[];
    readonly values: readonly Expression[];
    readonly body: readonly Statement[];
  }
  | ({ readonly type: "Macro"; readonly name: string } & MacroBody)
  | ({ readonly type: "CallBlock"; readonly call: Call } & MacroBody)
  | { readonly type: "FilterBlock"; readonly filter: Expression; readonly body: readonly Statement[] }
  /** transformers' mark of what the assistant says. */
  | { readonly type: "Generation"; readonly body: readonly Statement[] };

/** A loop. */
export interface ForLoop {
  readonly type: "For";
  readonly target: Target;
  readonly over: Expression;
  readonly test: Expression | undefined;
  readonly isRecursive: boolean;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}
