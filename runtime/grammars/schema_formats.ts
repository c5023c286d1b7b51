/**
 * The formats of JSON Schema as expressions. What is generated for a format is what every reader of it takes: no year
 * has a 30th of February, no URI is without `//`.
 *
 * @module
 */
import type { Language } from "./intersection.ts";
import { matchesOf } from "./regex_parser.ts";
import type { NumberBranch } from "./schema_branches.ts";

const DATE = "(?:[0-9]{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])" +
  "|[0-9]{4}-(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)" +
  "|[0-9]{4}-02-(?:0[1-9]|1[0-9]|2[0-8])" +
  "|(?:[0-9]{2}(?:[2468][048]|[13579][26]|0[48])|(?:[02468][048]|[13579][26])00)-02-29)";
const CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
const ZONE = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HEX = "[0-9a-fA-F]";
const GROUP = `${HEX}{1,4}`;
const IPV6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  `(?:${GROUP}:){1,7}:`,
  ...[6, 5, 4, 3, 2].map((before) => `(?:${GROUP}:){1,${before}}(?::${GROUP}){1,${7 - before}}`),
  `${GROUP}:(?::${GROUP}){1,6}`,
  `:(?:(?::${GROUP}){1,7}|:)`,
].join("|");
const DAYS = "[0-9]+D", MONTHS = `[0-9]+M(?:${DAYS})?`, YEARS = `[0-9]+Y(?:${MONTHS}|${DAYS})?`;
const SECONDS = "[0-9]+S", MINUTES = `[0-9]+M(?:${SECONDS})?`, HOURS = `[0-9]+H(?:${MINUTES}|${SECONDS})?`;
const DURATION_TIME = `T(?:${HOURS}|${MINUTES}|${SECONDS})`;
const PATH = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})";
const URI_PATH = `(?:/${PATH}*)*(?:\\?(?:${PATH}|[/?])*)?(?:#(?:${PATH}|[/?])*)?`;

const STRING_FORMATS: Readonly<Record<string, string>> = {
  "date": DATE,
  "time": CLOCK + ZONE,
  "date-time": `${DATE}T${CLOCK}${ZONE}`,
  "iso-time": `${CLOCK}${ZONE}?`,
  "iso-date-time": `${DATE}T${CLOCK}${ZONE}?`,
  "duration": `P(?:(?:${YEARS}|${MONTHS}|${DAYS})(?:${DURATION_TIME})?|${DURATION_TIME}|[0-9]+W)`,
  "email": `[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@(?:${LABEL}\\.)+[a-z]{2,}`,
  // Five labels of at most 42 characters are no more than the 253 that a name may have.
  "hostname": "[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?){0,4}",
  "ipv4": `${BYTE}(?:\\.${BYTE}){3}`,
  "ipv6": IPV6,
  "uuid": `${HEX}{8}-${HEX}{4}-[1-8]${HEX}{3}-[89abAB]${HEX}{3}-${HEX}{12}`,
  "uri": `[a-z][a-z0-9+.-]*://(?:${LABEL}\\.)*${LABEL}(?::[0-9]{1,5})?${URI_PATH}`,
  "url": `https?://(?:[a-z0-9]+\\.)+[a-z]{2,}(?::[0-9]{2,5})?(?:/${PATH}*)*`,
  "uri-reference": `(?:[a-z][a-z0-9+.-]*://(?:${LABEL}\\.)*${LABEL}(?::[0-9]{1,5})?)?/(?:${PATH}+/)*${PATH}*`,
  "json-pointer": "(?:/(?:[^~/]|~[01])*)*",
  "byte": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
};

const languages = new Map<string, Language>();

/** The strings of a format; undefined if it is not one of strings. */
export function stringFormat(format: string): Language | undefined {
  const pattern = Object.hasOwn(STRING_FORMATS, format) ? STRING_FORMATS[format] : undefined;
  if (pattern === undefined) return undefined;
  let language = languages.get(format);
  if (!language) languages.set(format, language = matchesOf(pattern));
  return language;
}

/** Bounds of the numbers of a format; undefined if it is not one of numbers. */
export function numberFormat(format: string): Partial<NumberBranch> | undefined {
  switch (format) {
    case "int32":
      return { isInteger: true, min: -(2 ** 31), max: 2 ** 31 - 1 };
    case "int64":
      return { isInteger: true };
    case "float":
    case "double":
      return {};
    default:
      return undefined;
  }
}

/** Formats that have a meaning, which is not enforced. */
const REFUSED = new Set([
  "idn-email",
  "idn-hostname",
  "iri",
  "iri-reference",
  "json-pointer-uri-fragment",
  "regex",
  "relative-json-pointer",
  "uri-template",
]);

/**
 * Whether a format says nothing of the characters of a string: by its name, or since nobody but its author knows it and a
 * pattern beside it says what is meant, as zod writes them.
 */
export function isPlainFormat(format: string, hasPattern: boolean): boolean {
  return format === "binary" || format === "password" || (hasPattern && !REFUSED.has(format));
}

/** Names of the formats that are enforced. */
export const stringFormats: readonly string[] = Object.keys(STRING_FORMATS);
