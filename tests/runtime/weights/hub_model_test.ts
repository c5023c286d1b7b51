import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { fetchHubFiles } from "../../../runtime/weights/hub_model.ts";
import { type DownloadProgress, resolveModel } from "../../../runtime/weights/resolve.ts";
import { fakeHub, offline, withHubCache } from "../../support/fake_hub.ts";

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

function loadError(message: RegExp): (error: Error) => true {
  return (error) => {
    assert.ok(error instanceof LoadError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("a hub model is downloaded as far as it is needed, and found again offline", async () => {
  await withHubCache(async (downloadDir) => {
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
  await withHubCache(async (downloadDir) => {
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

Deno.test("a revision of a hub model is found by its name, offline too", async () => {
  await withHubCache(async (downloadDir) => {
    const fetch = fakeHub({ "a.gguf": "GGUF a" }, "refs/pr/1");
    const revision = "refs/pr/1";
    const files = await resolveModel("owner/repo", { downloadDir, revision }, { fetch });
    assert.equal(await Deno.readTextFile(files.files[0]!), "GGUF a");
    assert.deepEqual(await resolveModel("owner/repo", { downloadDir, revision }, { fetch: offline }), files);
    const commit = basename(dirname(files.files[0]!));
    const byCommit = { downloadDir, revision: commit };
    assert.deepEqual(await resolveModel("owner/repo", byCommit, { fetch: offline }), files);
    await assert.rejects(
      resolveModel("owner/repo", { downloadDir, revision: "other" }, { fetch }),
      loadError(/Cannot download owner\/repo: HTTP 404/),
    );
    for (const other of [{ revision: "other" }, {}]) {
      await assert.rejects(
        resolveModel("owner/repo", { downloadDir, ...other }, { fetch: offline }),
        loadError(/not in the cache/),
        "what was downloaded is not the head of another name",
      );
    }
    await assert.rejects(
      resolveModel(files.files[0]!, { revision }),
      loadError(/Cannot load .*a\.gguf at revision refs\/pr\/1: it is not from the hub/),
    );
    await assert.rejects(resolveModel(undefined, { revision }), loadError(/it is not from the hub/));
  });
});

Deno.test("chosen files of a repository, as of a draft head, are found again offline", async () => {
  await withHubCache(async (downloadDir) => {
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
  await withHubCache(async (downloadDir) => {
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
