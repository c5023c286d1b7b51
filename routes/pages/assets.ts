/**
 * The files of a page, made ready once: types stripped, imports and links rewritten to names that carry a hash of the
 * content.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";
import { packages } from "../../web/packages.ts";

/** A file as it is served. */
export interface Asset {
  readonly text: string;
  readonly type: string;
}

const root = new URL("../../web/", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** A page with its files, by the last part of their paths. */
export async function loadPage(
  name: string,
): Promise<{ readonly html: string; readonly assets: ReadonlyMap<string, Asset> }> {
  const assets = new Map<string, Asset>(), known = new Map<string, Promise<string>>();
  const add = (specifier: string) => {
    let name = known.get(specifier);
    if (name === undefined) known.set(specifier, name = load(specifier));
    return name;
  };
  const load = async (specifier: string) => {
    const isOwn = specifier.startsWith("file:");
    let text = isOwn ? await Deno.readTextFile(new URL(specifier)) : (await packages[specifier]!()).default;
    const extension = specifier.split(".").at(-1)!, isScript = !isOwn || extension === "ts";
    if (isScript) {
      if (isOwn) text = stripTypeScriptTypes(text);
      text = await replaceAsync(
        text,
        /(\bfrom\s*|\bimport\s*)"([^"]+)"/g,
        async ([, keyword, to]) =>
          `${keyword}"./${await add(isOwn && to!.startsWith(".") ? new URL(to!, specifier).href : to!)}"`,
      );
    }
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
    const stem = isOwn ? specifier.slice(root.href.length).replace(/\.\w+$/, "") : specifier;
    const type = isScript ? "js" : extension, file = `${stem.replaceAll("/", "-")}.${hash}.${type}`;
    assets.set(file, { text, type: TYPES[type]! });
    return file;
  };
  const html = await replaceAsync(
    await Deno.readTextFile(new URL(name, root)),
    /(href|src)="([^":]+)"/g,
    async ([, attribute, to]) => `${attribute}="ui/${await add(new URL(to!, root).href)}"`,
  );
  return { html, assets };
}

async function replaceAsync(
  text: string,
  pattern: RegExp,
  by: (match: RegExpExecArray) => Promise<string>,
): Promise<string> {
  const parts = await Promise.all([...text.matchAll(pattern)].map(by));
  return text.replace(pattern, () => parts.shift()!);
}
