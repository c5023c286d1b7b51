/**
 * The npm packages that the pages load in the browser, as the text of their modules, out of Deno's module cache. Each
 * is one file; what it imports is in this table too. This module runs in the server and is never sent.
 *
 * @module
 */

type Text = { readonly default: string };

/** Loads the module of a package, by the specifier that imports name. */
export const packages: Readonly<Record<string, () => Promise<Text>>> = {
  "preact": () => import("preact", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "preact/hooks": () =>
    import("preact/hooks", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "htm": () => import("htm", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "htm/preact": () => import("htm/preact", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "marked": () => import("marked", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "dompurify": () => import("dompurify", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
  "uplot": () => import("uplot", { with: { type: "text" } }) as Promise<unknown> as Promise<Text>,
};
