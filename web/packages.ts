/**
 * The files of npm packages that the pages load in the browser, as text, out of Deno's module cache. What a module
 * imports is in this table too. This module runs in the server and is never sent.
 *
 * @module
 */

type Text = { readonly default: string };

/** Loads a file of a package, by the specifier that imports and links name. */
export const packages: Readonly<Record<string, () => Promise<Text>>> = {
  "preact": () => import("preact", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "preact/hooks": () =>
    import("preact/hooks", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "htm": () => import("htm", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "htm/preact": () => import("htm/preact", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "marked": () => import("marked", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "dompurify": () => import("dompurify", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  // Its main file is a CommonJS one.
  "uplot": () =>
    import("uplot/dist/uPlot.esm.js", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "swagger-ui-dist/swagger-ui.css": () =>
    import("swagger-ui-dist/swagger-ui.css", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "swagger-ui-dist/swagger-ui-bundle.js": () =>
    import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "text" } }) as Promise<unknown> as Promise<
      Text
    >,
  "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt": () =>
    import("swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt", { with: { type: "text" } }) as Promise<
      unknown
    > as Promise<Text>,
};
