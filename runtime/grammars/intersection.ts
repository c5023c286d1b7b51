/**
 * Languages that several expressions bound together, as a deterministic automaton over all of them at once: a pattern and
 * a length, a format without some texts.
 *
 * @module
 */
import { ALL_CODE_POINTS, type CodePoints, codePoints, hasCodePoint, intersectionOf } from "./code_points.ts";
import { choice, EMPTY, type Expression, NOTHING, oneOf, repeat, sequence } from "./expression.ts";
import { matches } from "./expression_matcher.ts";
import type { Rules } from "./rules.ts";

/** An expression that a text belongs to, or does not belong to if it is negated. */
export interface Condition {
  readonly expression: Expression;
  readonly isNegated: boolean;
}

/** Conditions that all hold. */
export type Language = readonly Condition[];

/** Most states of the automatons that are built for one language. */
const MAX_STATES = 1500;
/** Most states of an expression. */
const MAX_POSITIONS = 6000;

/** Whether a text obeys all conditions. */
export function belongs(language: Language, text: string): boolean {
  return language.every(({ expression, isNegated }) => matches(expression, text) !== isNegated);
}

/** How a language is written into a grammar. */
export interface WriteOptions {
  readonly rules: Rules;
  /** What stands in the grammar for an expression of single characters and their repetitions. */
  readonly write: (expression: Expression) => Expression;
}

/** The texts of a language; undefined if it takes too many states to tell them. */
export function textsOf(language: Language, { rules, write }: WriteOptions): Expression | undefined {
  const [only] = language;
  if (only && language.length === 1 && !only.isNegated) return write(only.expression);
  const components = language.map((condition) => componentOf(condition));
  if (components.some((component) => component === undefined)) return undefined;
  return writeAutomaton(components as Component[], { rules, write });
}

/** States of one expression, which are sets of its positions. */
interface Component {
  readonly positions: Positions;
  readonly isNegated: boolean;
  readonly end: number;
}

function componentOf({ expression, isNegated }: Condition): Component | undefined {
  const positions = new Positions();
  const end = positions.add(expression, 0);
  return end === undefined ? undefined : { positions, isNegated, end };
}

/** The positions of an expression, with what leads from one to others. */
class Positions {
  readonly #moves: { readonly set: CodePoints; readonly to: number }[][] = [[]];
  readonly #empty: number[][] = [[]];

  /** Adds an expression that begins at a position; its last position, or undefined if there are too many. */
  add(expression: Expression, from: number): number | undefined {
    switch (expression.type) {
      case "text": {
        let at: number | undefined = from;
        for (const char of expression.text) {
          const point = char.codePointAt(0)!;
          at = at === undefined ? undefined : this.#move(at, [[point, point]]);
        }
        return at;
      }
      case "set":
        return this.#move(from, expression.set);
      case "sequence":
        return expression.parts.reduce<number | undefined>(
          (at, part) => at === undefined ? undefined : this.add(part, at),
          from,
        );
      case "choice": {
        const end = this.#new();
        for (const option of expression.options) {
          const start = this.#new();
          this.#empty[from]!.push(start);
          const last = this.add(option, start);
          if (last === undefined) return undefined;
          this.#empty[last]!.push(end);
        }
        return this.#isFull() ? undefined : end;
      }
      case "repeat":
        return this.#repeat(expression, from);
      case "rule":
        throw new RangeError(`Cannot follow rule ${expression.name}`);
    }
  }

  #repeat({ body, min, max }: Expression & { type: "repeat" }, from: number): number | undefined {
    let at: number | undefined = from;
    for (let i = 0; i < min && at !== undefined; i++) at = this.add(body, at);
    if (at === undefined) return undefined;
    if (max === undefined) {
      const start = this.#new();
      this.#empty[at]!.push(start);
      const last = this.add(body, start);
      if (last === undefined) return undefined;
      this.#empty[last]!.push(start);
      return start;
    }
    const end = this.#new();
    this.#empty[at]!.push(end);
    for (let i = min; i < max; i++) {
      const last: number | undefined = this.add(body, at);
      if (last === undefined) return undefined;
      this.#empty[last]!.push(end);
      at = last;
    }
    return end;
  }

  /** The positions that are reached without a character, sorted. */
  closure(positions: Iterable<number>): readonly number[] {
    const seen = new Set(positions), queue = [...seen];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      for (const next of this.#empty[at]!) {
        if (seen.has(next)) continue;
        seen.add(next);
        queue.push(next);
      }
    }
    return [...seen].sort((a, b) => a - b);
  }

  /** What leads on from these positions. */
  movesOf(positions: readonly number[]): { readonly set: CodePoints; readonly to: number }[] {
    return positions.flatMap((position) => this.#moves[position]!);
  }

  #move(from: number, set: CodePoints): number | undefined {
    if (this.#isFull()) return undefined;
    const to = this.#new();
    this.#moves[from]!.push({ set, to });
    return to;
  }

  #new(): number {
    this.#moves.push([]);
    this.#empty.push([]);
    return this.#moves.length - 1;
  }

  #isFull(): boolean {
    return this.#moves.length > MAX_POSITIONS;
  }
}

/** One set of positions of each component. */
type State = readonly (readonly number[])[];

function writeAutomaton(
  components: readonly Component[],
  { rules, write }: WriteOptions,
): Expression | undefined {
  const names = new Map<string, Expression>(), queue: { state: State; rule: Expression }[] = [];
  const ruleOf = (state: State): Expression => {
    const key = state.map((positions) => positions.join(",")).join(";");
    let rule = names.get(key);
    if (!rule) {
      names.set(key, rule = rules.reserve());
      queue.push({ state, rule });
    }
    return rule;
  };
  const start = ruleOf(components.map(({ positions }) => positions.closure([0])));
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (names.size > MAX_STATES) return undefined;
    const { state, rule } = next;
    const moves = movesFrom(components, state, rules.automatonSteps);
    if (!moves) return undefined;
    let loop: CodePoints = [];
    const options: Expression[] = [];
    for (const { set, to } of moves) {
      const target = ruleOf(to);
      if (target === rule) loop = set;
      else options.push(sequence(write(oneOf(set)), target));
    }
    const isEnd = components.every(({ end, isNegated }, i) => state[i]!.includes(end) !== isNegated);
    const rest = choice(...options, isEnd ? EMPTY : NOTHING);
    rules.fill(rule, sequence(loop.length > 0 ? write(repeat(oneOf(loop), 0)) : EMPTY, rest));
  }
  return start;
}

/** Where characters lead to from a state, without the states that nothing leads out of; undefined: too many steps. */
function movesFrom(
  components: readonly Component[],
  state: State,
  steps: { left: number },
): { set: CodePoints; to: State }[] | undefined {
  const moves = components.map(({ positions }, i) => positions.movesOf(state[i]!));
  const cuts = new Set<number>([0]);
  for (const { set } of moves.flat()) {
    for (const [first, last] of set) cuts.add(first).add(last + 1);
  }
  const starts = [...cuts].sort((a, b) => a - b).filter((start) => start <= 0x10ffff);
  steps.left -= starts.length * (1 + moves.flat().length);
  if (steps.left < 0) return undefined;
  const byTarget = new Map<string, { ranges: [number, number][]; reached: number[][] }>();
  starts.forEach((first, i) => {
    const last = (starts[i + 1] ?? 0x110000) - 1;
    const reached = moves.map((all) => all.filter(({ set }) => hasCodePoint(set, first)).map(({ to }) => to));
    // A component that is not negated has no text any more.
    if (reached.some((positions, i) => positions.length === 0 && !components[i]!.isNegated)) return;
    const key = reached.map((positions) => positions.join(",")).join(";");
    const known = byTarget.get(key);
    if (known) known.ranges.push([first, last]);
    else byTarget.set(key, { ranges: [[first, last]], reached });
  });
  return [...byTarget.values()].map(({ ranges, reached }) => ({
    set: intersectionOf(codePoints(ranges), ALL_CODE_POINTS),
    to: reached.map((positions, i) => components[i]!.positions.closure(positions)),
  })).filter(({ set }) => set.length > 0);
}
