/**
 * Random JSON schemas whose values are short, and random regular expressions.
 *
 * @module
 */
import fc from "fast-check";

/** A schema as JSON. */
export type Schema = Record<string, unknown>;

const names = fc.constantFrom("a", "id", "name", "is_ok", "x y", 'quo"te', "é", "nested", "list", "t");
const letters = fc.string({ unit: fc.constantFrom(..."abcXYZ019 _-"), maxLength: 5 });
const bound = fc.integer({ min: -120, max: 120 });

const leaves: fc.Arbitrary<Schema> = fc.oneof(
  fc.uniqueArray(fc.oneof(letters, bound, fc.boolean(), fc.constant(null)), { minLength: 1, maxLength: 4 })
    .map((values) => ({ enum: values })),
  fc.oneof(letters, bound, fc.constant([1, "two"])).map((value) => ({ const: value })),
  fc.tuple(bound, fc.nat({ max: 300 })).map(([minimum, more]) => ({
    type: "integer",
    minimum,
    maximum: minimum + more,
  })),
  fc.constant({ type: "boolean" }),
  fc.constant({ type: "null" }),
  fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 4 })).map(([minLength, more]) => ({
    type: "string",
    minLength,
    maxLength: minLength + more,
  })),
  fc.constantFrom("^[a-c]{1,4}$", "^\\d{2}-\\d{2}$", "^(yes|no|maybe)$", "^[^\\d]x?$", "^v[0-9](\\.[0-9])?$")
    .map((pattern) => ({ type: "string", pattern })),
);

/** Random schemas. */
export const schemas: fc.Arbitrary<Schema> = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: "small", withCrossShrink: true },
    leaves,
    fc.record({ items: tie("schema"), minItems: fc.nat({ max: 2 }), more: fc.nat({ max: 2 }) })
      .map(({ items, minItems, more }) => ({ type: "array", items, minItems, maxItems: minItems + more })),
    fc.record({
      properties: fc.dictionary(names, tie("schema"), { minKeys: 1, maxKeys: 4 }),
      isOptional: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    }).map(({ properties, isOptional }) => ({
      type: "object",
      properties,
      required: Object.keys(properties).filter((_, i) => !isOptional[i]),
      additionalProperties: false,
    })),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
})).schema;

const atoms = fc.constantFrom("a", "b", "[a-f]", "[^x]", "\\d", "\\w", "\\.", "é", "(?:ab|cd)", "[0-9a-f]");
const quantifiers = fc.constantFrom("", "", "?", "{2}", "{1,3}", "{0,2}");

/** Random regular expressions with bounded matches. */
export const regexes: fc.Arbitrary<string> = fc.array(
  fc.array(fc.tuple(atoms, quantifiers).map((parts) => parts.join("")), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("")),
  { minLength: 1, maxLength: 3 },
).map((branches) => branches.join("|"));
