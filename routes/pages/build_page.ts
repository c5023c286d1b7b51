/**
 * Builds a page out of a folder of web sources: strips types, follows imports and links, and names every file by a hash
 * of its content, so that browsers may keep it for good.
 *
 * @module
 */
import { parse } from "es-module-lexer";
import { stripTypeScriptTypes } from "node:module";
import { StoredFile } from "./stored_file.ts";

/** Where a page is built from. */
export interface PageSource {
  /** The folder of all sources, as an address that ends with a slash; nothing outside it is served. */
  readonly root: URL;
  /** The page's HTML, by its path in the folder. Its own files are linked with relative addresses. */
  readonly html: string;
  /** Texts of modules, styles and scripts that are named without `./`. */
  readonly packages: Readonly<Record<string, () => Promise<{ readonly default: string }>>>;
}

/** A page, ready to be served. */
export interface BuiltPage {
  readonly html: StoredFile;
  /** The files that it loads, by the names that `ui/` has them under. */
  readonly files: ReadonlyMap<string, StoredFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** Elements whose addresses are files of the page; those of other elements, such as `a`, are left as they are. */
const LINK = /(?<before><(?:link|script|img)\b[^>]*?\s(?:href|src)=")(?<to>[^":]+)(?=")/g;

/** A file that is ready. */
interface Added {
  /** Its name in `ui/`. */
  readonly name: string;
  /** Names of the modules that a browser needs before it runs the file: itself, and what it does not `import()`. */
  readonly modules: readonly string[];
}

/**
 * Builds a page.
 *
 * @throws {Error} naming the file and what it loads, if that is unknown, lies outside the folder or loads itself
 */
export async function buildPage(source: PageSource): Promise<BuiltPage> {
  const builder = new Builder(source), base = new URL(source.html, source.root);
  const text = await Deno.readTextFile(base), modules = new Set<string>();
  let html = "", at = 0;
  for (const { index, 0: { length }, groups } of text.matchAll(LINK)) {
    const { before, to } = groups as { before: string; to: string };
    const specifier = to in source.packages ? to : new URL(to, base).href;
    const added = await builder.add(specifier, [base.href], to.endsWith(".ts") ? "module" : "file");
    for (const name of added.modules) modules.add(name);
    html += `${text.slice(at, index)}${before}ui/${added.name}`;
    at = index + length;
  }
  html += text.slice(at);
  // The browser asks for all modules at once, not level by level as it meets their imports.
  const preloads = [...modules].map((name) => `    <link rel="modulepreload" href="ui/${name}">\n`);
  html = html.replace(/[ \t]*<\/head>/, (end) => preloads.join("") + end);
  return { html: new StoredFile(html, TYPES["html"]!), files: builder.files };
}

class Builder {
  readonly files: Map<string, StoredFile> = new Map();
  readonly #source: PageSource;
  readonly #added = new Map<string, Added>();

  constructor(source: PageSource) {
    this.#source = source;
  }

  /** Adds a file, with all that it loads. `users` are the files that led to it, the nearest last. */
  async add(specifier: string, users: readonly string[], as: "module" | "file"): Promise<Added> {
    if (users.includes(specifier)) this.#refuse(specifier, users, "it loads itself");
    let added = this.#added.get(specifier);
    if (added === undefined) {
      added = await (as === "module" ? this.#addModule(specifier, users) : this.#addFile(specifier, users));
      this.#added.set(specifier, added);
    }
    return added;
  }

  async #addFile(specifier: string, users: readonly string[]): Promise<Added> {
    const kind = extensionOf(specifier), text = await this.#read(specifier, users);
    if (TYPES[kind] === undefined) this.#refuse(specifier, users, `a page has no files of kind .${kind}`);
    const isStyle = kind === "css" && this.#isOwn(specifier);
    if (isStyle && /@import|url\((?!["']?data:)/.test(text.replace(/\/\*[^]*?\*\//g, ""))) {
      this.#refuse(specifier, users, "what styles load is not followed");
    }
    return { name: this.#store(specifier, text, kind), modules: [] };
  }

  async #addModule(specifier: string, users: readonly string[]): Promise<Added> {
    const isOwn = this.#isOwn(specifier), written = await this.#read(specifier, users);
    if (isOwn && extensionOf(specifier) !== "ts") this.#refuse(specifier, users, "modules are .ts files");
    const script = isOwn ? stripTypeScriptTypes(written) : written;
    const [imports, , , isModule] = parse(script), modules = new Set<string>();
    if (!isModule && !isOwn) this.#refuse(specifier, users, "its file is a script and no module");
    let text = "", at = 0;
    for (const imported of imports) {
      if (imported.type === "import-meta") continue;
      const { type, specifier: to, start, end } = imported;
      if (to === undefined || (imported.type === "dynamic" && imported.glob)) {
        if (!isOwn) continue;
        this.#refuse(script.slice(start, end), [...users, specifier], "its name is not written there");
      }
      const target = isOwn && /^\.\.?\//.test(to) ? new URL(to, specifier).href : to;
      const added = await this.add(target, [...users, specifier], "module");
      // The quotes belong to the expression of an `import()` and not to a name.
      text += script.slice(at, start) + (type === "dynamic" ? `"./${added.name}"` : `./${added.name}`);
      at = end;
      if (type !== "dynamic") { for (const name of added.modules) modules.add(name); }
    }
    const name = this.#store(specifier, text + script.slice(at), "js");
    return { name, modules: [...modules, name] };
  }

  #isOwn(specifier: string): boolean {
    return specifier.startsWith(this.#source.root.href);
  }

  async #read(specifier: string, users: readonly string[]): Promise<string> {
    const load = this.#source.packages[specifier];
    // Their maps are not served.
    if (load !== undefined) return (await load()).default.replace(/\/[/*]# sourceMappingURL=.*\s*$/, "");
    if (!this.#isOwn(specifier)) {
      this.#refuse(specifier, users, "it is neither in the page's folder nor among its packages");
    }
    try {
      return await Deno.readTextFile(new URL(specifier));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) this.#refuse(specifier, users, "there is no such file");
      throw error;
    }
  }

  #store(specifier: string, text: string, kind: string): string {
    const file = new StoredFile(text, TYPES[kind]!);
    const stem = this.#pathOf(specifier).replace(/\.\w+$/, "").replace(/[^\w.]+/g, "-");
    const name = `${stem}.${file.hash}.${kind}`;
    this.files.set(name, file);
    return name;
  }

  #pathOf(specifier: string): string {
    return this.#isOwn(specifier) ? specifier.slice(this.#source.root.href.length) : specifier;
  }

  #refuse(specifier: string, users: readonly string[], reason: string): never {
    const chain = users.map((user) => this.#pathOf(user)).join(" > ");
    throw new Error(`Cannot build page: ${chain} loads ${this.#pathOf(specifier)}, and ${reason}`);
  }
}

function extensionOf(specifier: string): string {
  return /\.(\w+)$/.exec(specifier)?.[1] ?? "";
}
