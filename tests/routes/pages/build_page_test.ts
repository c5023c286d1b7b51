import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { packages } from "../../../web/packages.ts";
import { buildPage, type BuiltPage } from "../../../routes/pages/build_page.ts";

const root = new URL("../../../web/", import.meta.url);
const library = { "lib": () => Promise.resolve({ default: 'import{x}from"lib/part";export{x};' }) };
const part = {
  "lib/part": () => Promise.resolve({ default: "export const x=1;\n//# sourceMappingURL=x.map" }),
};
const script = { "script": () => Promise.resolve({ default: "module.exports = 1;" }) };

/** Builds a page of files with these texts; the page's own HTML is `page/index.html`. */
async function build(files: Readonly<Record<string, string>>): Promise<BuiltPage> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries({ "page/index.html": page("main.ts"), ...files })) {
      await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeTextFile(join(folder, path), text);
    }
    return await buildPage({
      root: pathToFileURL(`${folder}/`),
      html: "page/index.html",
      packages: { ...library, ...part, ...script },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function page(script: string): string {
  return `<html>\n  <head>\n    <script type="module" src="${script}"></script>\n  </head>\n</html>\n`;
}

/** Texts of files by their names without hashes. */
function textsOf({ files }: BuiltPage): Record<string, string> {
  return Object.fromEntries(
    [...files].map((
      [name, { bytes }],
    ) => [name.replace(/\.[0-9a-f]{16}\./, "."), new TextDecoder().decode(bytes)]),
  );
}

Deno.test("build page: the pages of this house are built, with a name by content for each file", async () => {
  for (const html of ["index.html", "docs/index.html"]) {
    const built = await buildPage({ root, html, packages });
    for (const [name, { hash }] of built.files) assert.match(name, new RegExp(`^[\\w.-]+\\.${hash}\\.\\w+$`));
    const text = new TextDecoder().decode(built.html.bytes);
    const loaded = [...text.matchAll(/<(?:link|script|img)\b[^>]*?(?:href|src)="([^"]*)"/g)].map(([, to]) =>
      to!
    );
    assert.ok(loaded.length > 3);
    assert.match(text, /<link rel="modulepreload" href="ui\/[\w-]*main\./);
    for (const to of loaded) assert.ok(built.files.has(to.replace(/^ui\//, "")), to);
  }
});

Deno.test("build page: what only looks like an import is left as it is", async () => {
  const texts = textsOf(
    await build({
      "page/main.ts": [
        "/* import './gone.ts' */",
        'import { x } from "lib"; // from "gone"',
        "const said: string = `import \"gone\" from 'gone'`;",
        'export const text = "} from \\"gone\\"", pattern = /import "gone"/;',
        "export { y as default } from '../other.ts'",
        "console.log(x, said);",
      ].join("\n"),
      "other.ts": "export const y = 2 as number;",
    }),
  );
  const main = texts["page-main.js"]!;
  assert.match(
    main,
    /^\/\* import '\.\/gone\.ts' \*\/\nimport \{ x \} from "\.\/lib\.[0-9a-f]{16}\.js"; \/\/ from "gone"\n/,
  );
  assert.ok(main.includes("= `import \"gone\" from 'gone'`"));
  assert.ok(main.includes('"} from \\"gone\\"", pattern = /import "gone"/'));
  assert.match(main, /export \{ y as default \} from '\.\/other\.[0-9a-f]{16}\.js'/);
  assert.equal(texts["other.js"]?.replace(/\s+/g, " "), "export const y = 2 ;");
  assert.match(texts["lib.js"]!, /^import\{x\}from"\.\/lib-part\.[0-9a-f]{16}\.js";export\{x\};$/);
  assert.equal(texts["lib-part.js"], "export const x=1;\n", "maps are not served");
});

Deno.test("build page: modules are asked for at once, those of import() when they are wanted", async () => {
  const built = await build({
    "page/index.html": page("main.ts").replace("</html>", '<a href="docs">API</a></html>'),
    "page/main.ts": 'import "./near.ts";\nexport const later = () => import("../later.ts");',
    "page/near.ts": 'import "lib/part";',
    "later.ts": 'import "lib";',
  });
  const html = new TextDecoder().decode(built.html.bytes);
  const preloaded = [...html.matchAll(/<link rel="modulepreload" href="ui\/(.*?)\.[0-9a-f]{16}\.js">/g)];
  assert.deepEqual(preloaded.map(([, name]) => name), ["lib-part", "page-near", "page-main"]);
  assert.match(textsOf(built)["page-main.js"]!, /import\("\.\/later\.[0-9a-f]{16}\.js"\)/);
  assert.ok(html.includes('<a href="docs">'), "links to follow are no files");
});

Deno.test("build page: a file's name changes with what it imports", async () => {
  const nameOf = async (other: string) => {
    const { files } = await build({ "page/main.ts": 'import "../other.ts";', "other.ts": other });
    return [...files.keys()].find((name) => name.startsWith("page-main"));
  };
  assert.notEqual(await nameOf("1;"), await nameOf("2;"));
  assert.equal(await nameOf("1;"), await nameOf("1;"));
});

Deno.test("build page: what cannot be served is named, with the files that lead to it", async () => {
  const cases: [name: string, files: Record<string, string>, message: RegExp][] = [
    [
      "a package that is not there",
      { "page/main.ts": 'import "./a.ts";', "page/a.ts": 'import "gone/part";' },
      /page\/index\.html > page\/main\.ts > page\/a\.ts loads gone\/part, and it is neither/,
    ],
    [
      "a file that is not there",
      { "page/main.ts": 'import "./gone.ts";' },
      /main\.ts loads page\/gone\.ts, and there is/,
    ],
    [
      "a file outside",
      { "page/main.ts": 'import "../../x.ts";' },
      /main\.ts loads file:.*, and it is neither/,
    ],
    ["another server", { "page/main.ts": 'import "https://x.example/x.ts";' }, /and it is neither/],
    [
      "a circle",
      {
        "page/main.ts": 'import "./a.ts";\nimport "./b.ts";',
        "page/a.ts": 'import "./b.ts";',
        "page/b.ts": 'import "./a.ts";',
      },
      /page\/a\.ts > page\/b\.ts loads page\/a\.ts, and it loads itself/,
    ],
    [
      "a name that is made as it runs",
      { "page/main.ts": "import(`./${1}.ts`);" },
      /its name is not written there/,
    ],
    [
      "what is no module",
      { "page/main.ts": 'import "./a.css";', "page/a.css": "" },
      /modules are \.ts files/,
    ],
    ["a kind of file", { "page/index.html": page("a.exe"), "page/a.exe": "" }, /no files of kind \.exe/],
    [
      "a style that loads another",
      { "page/index.html": page("a.css"), "page/a.css": '@import "b.css";' },
      /what styles load is not followed/,
    ],
  ];
  for (const [name, files, message] of cases) await assert.rejects(build(files), message, name);
});
