/**
 * Strings of a schema by their length, patterns and formats.
 *
 * @module
 */
import { ALL_CODE_POINTS } from "./code_points.ts";
import { type Expression, lengthsOf, oneOf, repeat } from "./expression.ts";
import { type Condition, textsOf } from "./intersection.ts";
import { quoted, stringOfLength, written } from "./json_strings.ts";
import { anyString } from "./json_values.ts";
import type { Rules } from "./rules.ts";
import type { StringBranch } from "./schema_branches.ts";

/** The strings of a branch as JSON; undefined if they take too many states to tell. */
export function stringTexts({ min, max, lexicals }: StringBranch, rules: Rules): Expression | undefined {
  if (lexicals.length === 0) {
    return min === 0 && max === Infinity ? anyString(rules) : stringOfLength(min, max, rules);
  }
  const language = lexicals.flatMap(({ language }) => language);
  const lengths = language.filter(({ isNegated }) => !isNegated).map(({ expression }) =>
    lengthsOf(expression)
  );
  const isLongEnough = lengths.some((each) => each.min >= min);
  const isShortEnough = lengths.some((each) => (each.max ?? Infinity) <= max);
  const texts = textsOf(isLongEnough && isShortEnough ? language : [...language, ofLength(min, max)], {
    rules,
    write: written,
  });
  return texts && quoted(texts);
}

/** The texts of a length in code points. */
function ofLength(min: number, max: number): Condition {
  const expression = repeat(oneOf(ALL_CODE_POINTS), min, max === Infinity ? undefined : max);
  return { expression, isNegated: false };
}
