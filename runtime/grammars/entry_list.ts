/**
 * Lists of entries in an order, of which some may be left out: the members of an object, the items of a set.
 *
 * @module
 */
import { choice, EMPTY, type Expression, NOTHING, optional, repeat, sequence } from "./expression.ts";
import type { Rules } from "./rules.ts";

/** An entry of a list. */
export interface Entry {
  readonly expression: Expression;
  readonly isRequired: boolean;
}

/** What a list is made of. */
export interface EntryListOptions {
  readonly entries: readonly Entry[];
  readonly separator: Expression;
  /** Fewest and most entries; `max` may be infinite. */
  readonly min: number;
  readonly max: number;
  readonly rules: Rules;
  /** An entry that may follow the others any number of times. */
  readonly extra?: Expression;
  /** Whether two extra entries may be one, so that no more than one counts. */
  readonly isExtraRepeated?: boolean;
}

/** Most rules of a list whose entries are counted. */
const MAX_RULES = 4000;

/** The texts of a list; undefined if there are too many to count. */
export function entryList(options: EntryListOptions): Expression | undefined {
  const numRequired = options.entries.filter(({ isRequired }) => isRequired).length;
  const most = options.extra ? Infinity : options.entries.length;
  if (options.min <= numRequired && options.max >= most) return uncounted(options);
  return counted(options);
}

function uncounted({ entries, separator, rules, extra }: EntryListOptions): Expression {
  const more = extra ? repeat(sequence(separator, extra), 0) : EMPTY;
  const first = entries.findIndex(({ isRequired }) => isRequired);
  if (first !== -1) {
    return sequence(
      ...entries.map(({ expression, isRequired }, i) => {
        if (i < first) return optional(sequence(expression, separator));
        if (i === first) return expression;
        return isRequired ? sequence(separator, expression) : optional(sequence(separator, expression));
      }),
      more,
    );
  }
  // None is required: one of them comes first, then those behind it.
  const options: Expression[] = extra ? [EMPTY, sequence(extra, more)] : [EMPTY];
  let rest = more;
  for (const { expression } of entries.toReversed()) {
    options.push(sequence(expression, rest));
    rest = rules.add(sequence(optional(sequence(separator, expression)), rest));
  }
  return choice(...options.toReversed());
}

function counted(
  { entries, separator, min, max, rules, extra, isExtraRepeated }: EntryListOptions,
): Expression | undefined {
  // Beyond this number one more changes nothing.
  const enough = max === Infinity ? min : max;
  if (entries.length * (Math.min(enough, entries.length) + 1) > MAX_RULES) return undefined;
  let after = Array.from({ length: Math.min(enough, entries.length) + 1 }, (_, count) => {
    if (count >= min && (!extra || count >= max)) return EMPTY;
    if (!extra) return NOTHING;
    const fewest = Math.max(0, min - count);
    if (fewest > 1 && isExtraRepeated) return NOTHING;
    const next = sequence(separator, extra), most = max === Infinity ? undefined : max - count;
    if (count > 0) return repeat(next, fewest, most);
    const list = sequence(
      extra,
      repeat(next, Math.max(0, fewest - 1), most === undefined ? undefined : most - 1),
    );
    return fewest === 0 ? optional(list) : list;
  });
  entries.toReversed().forEach(({ expression, isRequired }, i) => {
    const position = entries.length - 1 - i;
    after = after.slice(0, position + 1).map((without, count) => {
      const next = count === after.length - 1 && max === Infinity ? count : count + 1;
      const taken = sequence(count === 0 ? EMPTY : separator, expression, after[next] ?? NOTHING);
      return rules.add(isRequired ? taken : choice(taken, without));
    });
  });
  return after[0] ?? NOTHING;
}
