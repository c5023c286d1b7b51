/**
 * Token maps in every format, and what is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readTokenMap } from "../../../runtime/weights/token_map.ts";
import { fakeHub, offline, withHubCache } from "../../support/fake_hub.ts";
import { safetensorsBytes } from "../../support/safetensors_writer.ts";
import { pickle, pickledTensor, torchArchive } from "../../support/torch_writer.ts";

const tensor = {
  name: "tokens",
  dtype: "I64",
  shape: [4],
  bytes: new Uint8Array(BigInt64Array.of(9n, 2n, 9n, 0n).buffer),
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

async function read(name: string, content: Uint8Array): Promise<number[]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, name), content);
    return [...await readTokenMap(join(folder, name), 10)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a token map keeps its order and names each token once, from every kind of file", async () => {
  const list = pickle.list(...[9, 2, 9, 0].map(pickle.int));
  assert.deepEqual(await read("freq.pt", await torchArchive(list)), [9, 2, 0]);
  assert.deepEqual(await read("freq.pt", await torchArchive(pickledTensor(tensor, "0"), [tensor.bytes])), [
    9,
    2,
    0,
  ]);
  assert.deepEqual(await read("freq.json", json([9, 2, 9, 0])), [9, 2, 0]);
  assert.deepEqual(await read("freq.safetensors", safetensorsBytes([tensor])), [9, 2, 0]);
});

Deno.test("a token map comes from the hub, too, and is found again offline", () =>
  withHubCache(async (downloadDir) => {
    const files = { "freq/freq_4.json": JSON.stringify([9, 2, 9, 0]), "model.safetensors": "not wanted" };
    const path = "owner/repo/freq/freq_4.json";
    for (const fetch of [fakeHub(files), offline]) {
      assert.deepEqual([...await readTokenMap(path, 10, { downloadDir, fetch })], [9, 2, 0]);
    }
    await assert.rejects(readTokenMap("owner/repo/none.json", 10, { downloadDir, fetch: fakeHub(files) }), {
      name: "LoadError",
      message: /Cannot download owner\/repo \(none\.json\)/,
    });
  }));

Deno.test("other contents, tokens beyond the vocabulary and unknown files are refused", async () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["freq.json", json([3, 10]), /token 10, expected tokens 0\.\.9/],
    ["freq.json", json([]), /it is empty/],
    ["freq.json", json({ tokens: 3 }), /Cannot read .*freq\.json/],
    ["freq.pt", await torchArchive(pickle.dict()), /neither a list of tokens nor a tensor/],
    ["freq.safetensors", safetensorsBytes([tensor, { ...tensor, name: "more" }]), /does not hold one tensor/],
    ["freq.txt", json([1]), /expected a \.pt, \.json or \.safetensors file/],
  ];
  for (const [name, content, message] of cases) {
    await assert.rejects(read(name, content), { name: "LoadError", message });
  }
  await assert.rejects(readTokenMap("/nowhere", 10), /Cannot read token map \/nowhere: no such file/);
});
