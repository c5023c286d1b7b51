/**
 * The structs of the sampler in `ffi/sampler.ts` against those of `kernels/include/aerie.h`, which is parsed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CHANGE_FIELDS, REPORT_RANK, ROW_FIELDS } from "../../ffi/sampler.ts";

const header = readFileSync(new URL("../../kernels/include/aerie.h", import.meta.url), "utf8")
  .replaceAll(/\/\*[\s\S]*?\*\//g, "");

/** Name and type of each field of a struct, in order. */
function fieldsOf(struct: string): [name: string, type: string][] {
  const body = new RegExp(`struct ${struct} \\{([^}]*)\\};`).exec(header)?.[1];
  assert.ok(body, `${struct} is in the header`);
  return [...body.matchAll(/(\w+) (\w+);/g)].map(([, type, name]) => [
    name!.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase()),
    type!,
  ]);
}

Deno.test("the sampler's structs have the fields of aerie.h, in the same order, a word each", () => {
  const words = new Set(["float", "int32_t", "uint32_t"]);
  for (
    const [struct, fields] of [
      ["aerie_sampling_row", ROW_FIELDS],
      ["aerie_logit_change", CHANGE_FIELDS],
    ] as const
  ) {
    assert.deepEqual(Object.entries(fields), fieldsOf(struct), struct);
    for (const [, type] of fieldsOf(struct)) assert.ok(words.has(type), `${struct}: ${type} is a word`);
  }
});

Deno.test("a row's flags have the numbers of aerie.h", () => {
  assert.match(header, new RegExp(`AERIE_REPORT_RANK = ${REPORT_RANK}\\b`));
});
