import assert from "node:assert/strict";
import { readFreeMemory } from "../../../runtime/engine/device_memory.ts";
import { libraryPath } from "../../support/native.ts";
import { modelConfig } from "../../support/test_engine.ts";

const checkpoint = { path: "some/model", config: modelConfig, tensors: new Map(), files: [], dtype: "F32" };

Deno.test("free memory is what the device says, and who bounds it", () => {
  const { bytes, boundBy } = readFreeMemory({ libraryPath, device: "cpu", checkpoint });
  const { total, available } = Deno.systemMemoryInfo();
  assert.ok(bytes > 0 && bytes < total);
  if (boundBy === "host") assert.ok(Math.abs(bytes - available) < available / 4, `${bytes} of ${available}`);
  else assert.equal(boundBy, "cgroup");
});

Deno.test("a device or library that is not there is an error about the model", () => {
  const named = (of: RegExp) => ({ name: "LoadError", message: of });
  assert.throws(
    () => readFreeMemory({ libraryPath, device: "cuda", checkpoint }),
    named(/^Cannot load some\/model: /),
  );
  assert.throws(
    () => readFreeMemory({ libraryPath: "/absent/libaerie.so", device: "cpu", checkpoint }),
    named(/^Cannot load some\/model: Cannot open native library: \/absent/),
  );
});
