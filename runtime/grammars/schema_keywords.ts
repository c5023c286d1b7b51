/**
 * The keywords of JSON Schema by what becomes of them: docs/structured_output.md has their table.
 *
 * @module
 */
import type { Json, JsonObject } from "./json_bounds.ts";

/** Keywords that bound values of one type or name them. */
export const ASSERTIONS: ReadonlySet<string> = new Set([
  "type",
  "nullable",
  "const",
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "prefixItems",
  "items",
  "additionalItems",
  "minItems",
  "maxItems",
  "uniqueItems",
  "properties",
  "patternProperties",
  "additionalProperties",
  "propertyNames",
  "required",
  "minProperties",
  "maxProperties",
]);

/** Keywords that combine schemas. */
export const APPLICATORS: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
]);

/** Keywords that only say where schemas are. */
export const LOCATIONS: ReadonlySet<string> = new Set([
  "$id",
  "$anchor",
  "$defs",
  "definitions",
  "$comment",
]);

/** Keywords that say nothing of what is valid. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  "title",
  "description",
  "markdownDescription",
  "default",
  "example",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
  "discriminator",
  "enumNames",
  "enumDescriptions",
  "externalDocs",
  "propertyOrdering",
  "xml",
]);

const IN_PLACE = [
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "dependentSchemas",
  "dependencies",
];
const hasNone = (keywords: JsonObject, names: readonly string[]) =>
  names.every((name) => keywords[name] === undefined);

type IsEnforced = (value: Json, keywords: JsonObject) => boolean;

const DIALECT = /^https?:\/\/json-schema\.org\/(?:draft-0[3-7]|draft\/20(?:19-09|20-12))?\/?(?:schema)?#?$/;

/** Keywords that are refused, and where they are not, since something else enforces them or nothing is to be. */
export const REFUSED: ReadonlyMap<string, IsEnforced> = new Map<string, IsEnforced>([
  ["contains", () => false],
  ["minContains", (_, keywords) => keywords["contains"] === undefined],
  ["maxContains", (_, keywords) => keywords["contains"] === undefined],
  // Without keywords that evaluate in place, these are additionalProperties and items.
  ["unevaluatedProperties", (value, keywords) => value === true || hasNone(keywords, IN_PLACE)],
  ["unevaluatedItems", (value, keywords) => value === true || hasNone(keywords, IN_PLACE)],
  ["$dynamicRef", () => false],
  ["$dynamicAnchor", (_, keywords) => hasNone(keywords, ["$dynamicRef"])],
  ["$recursiveRef", () => false],
  ["$recursiveAnchor", () => true],
  ["$vocabulary", () => false],
  // Another dialect may mean something else by every keyword.
  ["$schema", (value) => typeof value === "string" && DIALECT.test(value)],
]);
