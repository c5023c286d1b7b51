import assert from "node:assert/strict";
import { join } from "node:path";
import { openZipEntry } from "../../../runtime/tensor_files/zip.ts";
import { zipBytes } from "../../support/zip_writer.ts";

const text = (value: string) => new TextEncoder().encode(value);
const large = Uint8Array.from({ length: 700_000 }, (_, i) => (i * i) >> 7);

async function withZip(bytes: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "archive.zip");
    await Deno.writeFile(path, bytes);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const deflated of [true, false]) {
  Deno.test(`an entry is streamed as it was, ${deflated ? "deflated" : "stored"}`, async () => {
    const archive = await zipBytes([
      { name: "pkg/__init__.py", content: text("import this"), deflated: true },
      { name: "pkg/model.gguf", content: large, deflated },
    ]);
    await withZip(archive, async (path) => {
      const { name, bytes, content } = await openZipEntry(path, ".gguf");
      assert.deepEqual([name, bytes], ["pkg/model.gguf", large.length]);
      assert.deepEqual(new Uint8Array(await new Response(content).arrayBuffer()), large);
    });
  });
}

Deno.test("an archive without the entry, with two, or cut off is refused", async () => {
  const entry = (name: string) => ({ name, content: large, deflated: true });
  await withZip(await zipBytes([entry("a.txt")]), async (path) => {
    await assert.rejects(openZipEntry(path, ".gguf"), /0 entries end with \.gguf, expected 1/);
  });
  const two = await zipBytes([entry("a.gguf"), entry("b.gguf")]);
  await withZip(two, async (path) => {
    await assert.rejects(openZipEntry(path, ".gguf"), /2 entries end with \.gguf, expected 1/);
  });
  await withZip(two.subarray(0, two.length - 30), async (path) => {
    await assert.rejects(openZipEntry(path, ".gguf"), /no central directory/);
  });
  await withZip(two.subarray(1000), async (path) => {
    await assert.rejects(openZipEntry(path, ".gguf"), RangeError);
  });
});
