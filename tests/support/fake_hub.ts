/**
 * A model hub without a network.
 *
 * @module
 */
const SHA = "0123456789abcdef0123456789abcdef01234567";

/** A hub with one repository `owner/repo`, as far as the client asks; its head has the name `revision` besides. */
export function fakeHub(
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>,
  revision = "HEAD",
): typeof fetch {
  const info = (path: string) => ({ type: "file", path, size: files[path]!.length, oid: `oid-${path}` });
  return async (input, init) => {
    const request = new Request(input, init);
    const path = decodeURIComponent(new URL(request.url).pathname);
    const heads = ["HEAD", revision].map((name) => `/api/models/owner/repo/revision/${name}`);
    if (heads.includes(path)) return Response.json({ id: "owner/repo", sha: SHA });
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

/** No hub. */
export function offline(): Promise<Response> {
  return Promise.reject(new TypeError("network is unreachable"));
}

/** A cache folder; the client's chatter on the console is muted meanwhile. */
export async function withHubCache(body: (downloadDir: string) => Promise<void>): Promise<void> {
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
