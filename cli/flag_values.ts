/**
 * Schemas of the values of flags.
 *
 * @module
 */
import { z } from "zod";

/** A whole number, written in decimal digits. */
export function integer(
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt> {
  const error = max === Number.MAX_SAFE_INTEGER
    ? `expected a whole number of at least ${min}`
    : `expected a whole number from ${min} to ${max}`;
  return z.string().regex(/^-?\d+$/, error).transform(Number).pipe(
    z.int(error).min(min, error).max(max, error),
  );
}

/** Powers that SGLang's argparse knows after a count of tokens. */
const MULTIPLES: Readonly<Record<string, number>> = {
  ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/** A count of tokens of at least 1, also in thousands (`16k`, `25.6k`) or multiples of 1024 (`16Ki`). */
export const tokenCount: z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt> =
  (() => {
    const error = "expected a whole number of at least 1, also such as 16k or 16Ki";
    return z.string().regex(/^(\d+|\d+(\.\d+)?[kMGT]|\d+[KMGT]i)$/, error).transform((written) => {
      const [, digits, suffix] = /^([\d.]+)(.*)$/.exec(written)!;
      // 1.001k is 1001, which binary fractions miss.
      return Math.trunc(Number((Number(digits) * (MULTIPLES[suffix!] ?? 1)).toPrecision(15)));
    }).pipe(z.int(error).min(1, error));
  })();

/** One of the given words. */
export function oneOf<const T extends readonly string[]>(
  ...values: T
): z.ZodEnum<{ [Word in T[number]]: Word }> {
  return z.enum(values, `expected ${values.slice(0, -1).join(", ")} or ${values.at(-1)}`);
}

/** A text that is not empty. */
export const text: z.ZodString = z.string().min(1, "expected a text that is not empty");

const aFraction = "expected a number above 0, at most 1";

/** A share of something. */
export const fraction: z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> = z.string().regex(
  /^(0?\.\d+|1(\.0*)?)$/,
  aFraction,
).transform(Number).refine((value) => value > 0, aFraction);

/** Texts between commas. */
export const texts: z.ZodPipe<z.ZodString, z.ZodTransform<readonly string[], string>> = z.string().min(
  1,
  "expected a list with commas between",
).transform((list) => list.split(",").map((entry) => entry.trim()).filter((entry) => entry !== ""));

/** Any of the given words, with commas between. */
export function someOf<const T extends readonly string[]>(
  ...values: T
): z.ZodPipe<typeof texts, z.ZodArray<z.ZodEnum<{ [Word in T[number]]: Word }>>> {
  return texts.pipe(z.array(z.enum(values, `expected ${values.join(", ")}, with commas between`)).min(1));
}

/** A branch, tag or commit of the hub: a part of a path. */
export const revision: z.ZodString = z.string().regex(
  /^(?!.*\.\.)\w[\w.\/-]*$/,
  "expected the name of a branch, tag or commit",
);

/** The beginning of a path, without a slash at its end; empty for none, as SGLang's default. */
export const rootPath: z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> = z.string().regex(
  /^(\/[\w.~-]+)*\/?$/,
  "expected a path such as /aerie",
).transform((path) => path.replace(/\/$/, ""));

/** A switch: true if given. */
export const flag: z.ZodDefault<z.ZodBoolean> = z.boolean().default(false);

/** Notation and help of a flag. */
export interface FlagOf<Name> {
  /** Name in code. */
  readonly name: Name;
  /** Commander's notation; an alias stands before the name. */
  readonly flags: string;
  readonly help: string;
  /** The flag works, but neither `--help` nor docs/flags.md shows it. */
  readonly isHidden?: true;
}
