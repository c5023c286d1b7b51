/**
 * `ffi/symbols.ts` and `ffi/context.ts` against `kernels/include/aerie.h`, which is parsed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Device, Dtype, Format, QuantLayout, Scope, SLICE_OUTPUTS } from "../../ffi/enums.ts";
import { symbols } from "../../ffi/symbols.ts";

const header = readFileSync(new URL("../../kernels/include/aerie.h", import.meta.url), "utf8")
  .replaceAll(/\/\*[\s\S]*?\*\//g, "");

/** How a C parameter crosses the border. */
function ffiType(parameter: string): string {
  if (parameter.includes("*")) return "buffer";
  const type = /^(?:const )?(\w+) \w+$/.exec(parameter)?.[1];
  const known: Record<string, string> = {
    "int32_t": "i32",
    "uint32_t": "u32",
    "uint64_t": "u64",
    float: "f32",
  };
  assert.ok(type && known[type], `type of ${parameter}`);
  return known[type];
}

Deno.test("every function of aerie.h is in symbols.ts with its parameters, in the same order", () => {
  const declared = [...header.matchAll(/AERIE_API\s+(\w+)\s+(aerie_\w+)\(([^)]*)\);/g)].map(
    ([, result, name, list]) => {
      const parameters = list!.trim() === "void"
        ? []
        : list!.split(",").map((text) => text.trim().replaceAll(/\s+/g, " "));
      return { name, result: ffiType(`${result} status`), parameters: parameters.map(ffiType) };
    },
  );
  assert.ok(declared.length > 40, "the header was parsed");
  assert.equal(
    declared.length,
    header.match(/AERIE_API\s+\w+\s+aerie_/g)!.length,
    "no declaration was missed",
  );
  const bound = Object.entries(symbols).map(([name, { parameters, result }]) => ({
    name,
    result: result as string,
    parameters: [...parameters] as string[],
  }));
  assert.deepEqual(bound, declared);
});

Deno.test("the enumerations of aerie.h have the same numbers here", () => {
  const values = new Map<string, number>();
  for (const [, body] of header.matchAll(/enum \w+ \{([^}]*)\}/g)) {
    for (const [, name, value] of body!.matchAll(/(\w+)\s*=\s*(\d+)/g)) values.set(name!, Number(value));
  }
  const expect = (table: Readonly<Record<string, number>>, nameOf: (key: string) => string) => {
    for (const [key, value] of Object.entries(table)) {
      assert.equal(values.get(nameOf(key)), value, nameOf(key));
    }
  };
  expect(Device, (key) => `AERIE_${key.toUpperCase().replace("-", "_")}`);
  expect(Format, (key) => `AERIE_FORMAT_${key}`);
  expect(Scope, (key) => `AERIE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`);
  expect(Dtype, (key) => `AERIE_${key.replace("bfloat", "BF").replace("float", "F").toUpperCase()}`);
  expect(QuantLayout, (key) => `AERIE_QUANT_${key.toUpperCase()}`);
  assert.equal(/^#define AERIE_SLICE_OUTPUTS (\d+)$/m.exec(header)?.[1], String(SLICE_OUTPUTS));
  assert.equal(
    [...values.keys()].filter((name) => name.startsWith("AERIE_FORMAT_")).length,
    Object.keys(Format).length,
  );
});
