/**
 * The files of npm packages that the pages load in the browser, as text, out of Deno's module cache. What a module
 * imports is in this table too. This module runs in the server and is never sent.
 *
 * @module
 */

type Text = { readonly default: string };

/** An import of text has the type of the package's module. */
const text = (module: Promise<unknown>) => module as Promise<Text>;

/** Loads a file of a package, by the specifier that imports and links name. */
export const packages: Readonly<Record<string, () => Promise<Text>>> = {
  "preact": () => text(import("preact", { with: { type: "text" } })),
  "preact/hooks": () => text(import("preact/hooks", { with: { type: "text" } })),
  "htm": () => text(import("htm", { with: { type: "text" } })),
  "htm/preact": () => text(import("htm/preact", { with: { type: "text" } })),
  "marked": () => text(import("marked", { with: { type: "text" } })),
  "dompurify": () => text(import("dompurify", { with: { type: "text" } })),
  // Its main file is a CommonJS one.
  "uplot": () => text(import("uplot/dist/uPlot.esm.js", { with: { type: "text" } })),
  "swagger-ui-dist/swagger-ui.css": () =>
    text(import("swagger-ui-dist/swagger-ui.css", { with: { type: "text" } })),
  "swagger-ui-dist/swagger-ui-bundle.js": () =>
    text(import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "text" } })),
  "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt": () =>
    text(import("swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt", { with: { type: "text" } })),
};
