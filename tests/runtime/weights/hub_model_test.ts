import assert from "node:assert/strict";
import { join } from "node:path";
import { LoadError } from "../../../runtime/errors.ts";
import { fetchHubFiles } from "../../../runtime/weights/hub_model.ts";
import { type DownloadProgress, resolveModel } from "../../../runtime/weights/resolve.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";

/** A hub with one repository `owner/repo`, as far as the client asks. */
function fakeHub(files: Readonly<Record<string, string>>): typeof fetch {
  const info = (path: string) => ({ type: "file", path, size: files[path]!.length, oid: `oid-${path}` });
  return async (input, init) => {
    const request = new Request(input, init);
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (path === `/api/models/owner/repo/revision/HEAD`) return Response.json({ id: "owner/repo", sha: SHA });
    if (path === `/api/models/owner/repo/tree/${SHA}`) return Response.json(Object.keys(files).map(info));
    if (path === `/api/models/owner/repo/paths-info/${SHA}`) {
      const { paths } = await request.json();
      return Response.json(paths.map(info));
    }
    const file = /^\/owner\/repo\/resolve\/[^/]+\/(.*)$/.exec(path)?.[1];
    const content = files[file ?? ""];
    if (content === undefined) return new Response("no such repository", { status: 404 });
    const probe = request.headers.get("range") === "bytes=0-0";
    return new Response(probe ? content.slice(0, 1) : content, {
      status: probe ? 206 : 200,
      headers: { "content-range": `bytes 0-0/${content.length}`, etag: `"oid-${file}"` },
    });
  };
}

const offline: typeof fetch = () => Promise.reject(new TypeError("network is unreachable"));

const SHARDED = {
  "README.md": "# Not a part of the model",
  "config.json": "{}",
  "tokenizer.json": "{}",
  "model.safetensors.index.json": JSON.stringify({
    "weight_map": { b: "model-00002-of-00002.safetensors", a: "model-00001-of-00002.safetensors" },
  }),
  "model-00001-of-00002.safetensors": "first shard",
  "model-00002-of-00002.safetensors": "second shard",
  "consolidated.safetensors": "the same weights again",
};

/** A cache folder; the client's chatter on the console is muted meanwhile. */
async function withCache(body: (downloadDir: string) => Promise<void>): Promise<void> {
  const downloadDir = await Deno.makeTempDir();
  const { debug } = globalThis.console;
  globalThis.console.debug = () => {};
  try {
    await body(downloadDir);
  } finally {
    globalThis.console.debug = debug;
    await Deno.remove(downloadDir, { recursive: true });
  }
}

function loadError(message: RegExp): (error: Error) => true {
  return (error) => {
    assert.ok(error instanceof LoadError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("a hub model is downloaded as far as it is needed, and found again offline", async () => {
  await withCache(async (downloadDir) => {
    const progress: DownloadProgress[] = [];
    const options = { downloadDir, onProgress: (step: DownloadProgress) => progress.push(step) };
    const files = await resolveModel("owner/repo", options, { fetch: fakeHub(SHARDED) });
    assert.equal(files.kind, "safetensors");
    assert.deepEqual(await Promise.all(files.files.map((path) => Deno.readTextFile(path))), [
      "first shard",
      "second shard",
    ]);
    const present = await Array.fromAsync(Deno.readDir(files.folder), ({ name }) => name);
    assert.deepEqual(
      present.toSorted(),
      Object.keys(SHARDED).filter((name) => name !== "README.md" && name !== "consolidated.safetensors")
        .toSorted(),
    );
    assert.ok(
      progress.some(({ label, doneBytes, totalBytes }) =>
        label === "Downloading owner/repo/model-00001-of-00002.safetensors" && doneBytes === 11 &&
        totalBytes === 11
      ),
    );
    assert.deepEqual(await resolveModel("owner/repo", { downloadDir }, { fetch: offline }), files);
  });
});

Deno.test("one GGUF file of a repository is named after a colon", async () => {
  await withCache(async (downloadDir) => {
    const fetch = fakeHub({ "a.gguf": "GGUF a", "b.gguf": "GGUF b" });
    const files = await resolveModel("owner/repo:b.gguf", { downloadDir }, { fetch });
    assert.equal(files.kind, "gguf");
    assert.deepEqual(files.files, [join(files.folder, "b.gguf")]);
    assert.equal(await Deno.readTextFile(files.files[0]!), "GGUF b");
    await assert.rejects(
      resolveModel("owner/repo", { downloadDir }, { fetch }),
      loadError(/2 GGUF files, name one as owner\/repo:a\.gguf/),
    );
  });
});

Deno.test("chosen files of a repository, as of a draft head, are found again offline", async () => {
  await withCache(async (downloadDir) => {
    const hub = fakeHub({
      "config.json": "{}",
      "pytorch_model.bin": "weights",
      "training.log": "not wanted",
    });
    const choose = (names: readonly string[]) => names.filter((name) => name !== "training.log");
    const folder = await fetchHubFiles("owner/repo", choose, { downloadDir, fetch: hub });
    assert.equal(await Deno.readTextFile(join(folder, "pytorch_model.bin")), "weights");
    const present = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(present.toSorted(), ["config.json", "pytorch_model.bin"]);
    assert.equal(await fetchHubFiles("owner/repo", choose, { downloadDir, fetch: offline }), folder);
  });
});

Deno.test("gated, unknown and unreachable repositories give one clear error", async () => {
  await withCache(async (downloadDir) => {
    const answer = (status: number): typeof fetch => () => Promise.resolve(new Response("no", { status }));
    await assert.rejects(
      resolveModel("owner/repo", { downloadDir }, { fetch: answer(403) }),
      loadError(/HTTP 403, the repository is gated.*HF_TOKEN/),
    );
    await assert.rejects(
      resolveModel("owner/repo", { downloadDir }, { fetch: answer(404) }),
      loadError(/Cannot download owner\/repo: HTTP 404/),
    );
    await assert.rejects(
      resolveModel("owner/repo", { downloadDir }, { fetch: offline }),
      loadError(/network is unreachable; it is not in the cache/),
    );
  });
});
