/**
 * A page with one answer on it, from the assets that the server would send, in a real browser.
 *
 * @module
 */
import type { BrowserContextOptions, Page } from "playwright-core";
import { buildPage, type BuiltPage } from "../../../routes/pages/build_page.ts";
import { PLAYGROUND_POLICY } from "../../../routes/pages/pages.ts";
import type { Answer } from "../../../web/api/answer.ts";
import { packages } from "../../../web/packages.ts";
import { BrowserPage } from "../../support/browser.ts";

/** The page, with its server. */
export class AnswerPage implements AsyncDisposable {
  readonly #server: Deno.HttpServer;
  readonly #files: BuiltPage["files"];
  readonly browser: BrowserPage;
  readonly url: string;

  private constructor(
    server: Deno.HttpServer,
    url: string,
    files: BuiltPage["files"],
    browser: BrowserPage,
  ) {
    this.#server = server;
    this.url = url;
    this.#files = files;
    this.browser = browser;
  }

  /** Opens the page, without an answer. */
  static async open(options: BrowserContextOptions = {}): Promise<AnswerPage> {
    const root = new URL("../../../", import.meta.url);
    const { html, files } = await buildPage({ root, html: "tests/web/tokens/answer_page.html", packages });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
      const { pathname } = new URL(url), isPage = pathname === "/";
      const file = isPage ? html : files.get(pathname.slice("/ui/".length));
      if (file === undefined) return new Response(null, { status: 404 });
      return new Response(file.bytes, {
        headers: {
          "Content-Type": file.type,
          ...(isPage && { "Content-Security-Policy": PLAYGROUND_POLICY.join("; ") }),
        },
      });
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const opened = new AnswerPage(server, url, files, await BrowserPage.open(url, options));
    await opened.#prepare();
    return opened;
  }

  get page(): Page {
    return this.browser.page;
  }

  /** Shows an answer, or the next state of it; rounds that it shares with the last one stay the same objects. */
  async show(answer: Partial<Answer>, mode: "tokens" | "reading" = "tokens", more: {
    readonly plainStepMs?: number;
    /** One of two places on the page. */
    readonly place?: "app" | "other";
  } = {}): Promise<void> {
    const whole = { text: "", rounds: [], state: "ended", sentAt: 0, ...answer };
    await this.page.evaluate(`show(${JSON.stringify({ answer: whole, mode, place: "app", ...more })})`);
  }

  /** Copies what is selected, as a user would, and returns the text in the clipboard; needs the permissions for it. */
  async copy(): Promise<string> {
    await this.page.keyboard.press("Control+C");
    return await this.page.evaluate("navigator.clipboard.readText()");
  }

  async #prepare(): Promise<void> {
    const address = (start: string) => {
      const file = [...this.#files.keys()].find((file) => file.startsWith(start))!;
      return JSON.stringify(`${this.url}/ui/${file}`);
    };
    await this.page.evaluate(`(async () => {
      const { html, render } = await import(${address("web-ui-html.")});
      const { AnswerView } = await import(${address("web-tokens-answer_view.")});
      const { Legend } = await import(${address("web-tokens-legend.")});
      const known = {};
      globalThis.show = ({ answer, mode, place, plainStepMs }) => {
        const before = known[place] ?? [];
        const rounds = known[place] = answer.rounds.map((round, index) =>
          JSON.stringify(round) === JSON.stringify(before[index]) ? before[index] : round);
        const shown = { ...answer, rounds };
        render(html\`<\${AnswerView} answer=\${shown} mode=\${mode} plainStepMs=\${plainStepMs} />\`,
          document.getElementById(place));
      };
      render(html\`<\${Legend} />\`, document.getElementById("legend"));
    })()`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.#server.shutdown();
  }
}
