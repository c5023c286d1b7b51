/**
 * A real browser, Debian's chromium, on a page of the real server.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import axe from "axe-core" with { type: "text" };
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PROGRAM = Deno.env.get("AERIE_CHROMIUM") ?? "/usr/bin/chromium";

/** Whether there is no browser here; in CI its absence fails. */
export const lacksBrowser: boolean = !Deno.env.has("CI") && !isFile(PROGRAM);

/** A browser with one page, which may ask nothing of any other origin. */
export class BrowserPage implements AsyncDisposable {
  readonly #browser: Browser;
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly requested: string[] = [];
  /** Errors of scripts and of the content security policy. */
  readonly errors: string[] = [];

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.on("request", (request) => this.requested.push(request.url()));
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  /** Opens an address. */
  static async open(url: string, options: BrowserContextOptions = {}): Promise<BrowserPage> {
    const browser = await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox"] });
    const context = await browser.newContext(options),
      opened = new BrowserPage(browser, await context.newPage());
    await opened.page.goto(url);
    return opened;
  }

  /** Asserts that axe-core finds nothing wrong with the page as it is now. */
  async assertAccessible(): Promise<void> {
    await this.page.evaluate(axe as unknown as string);
    const found = await this.page.evaluate("axe.run()") as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    assert.deepEqual(
      found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`),
      [],
    );
  }

  /**
   * Waits until an expression is true in the page, whose policy forbids Playwright's own way to wait for one; gives up
   * after 30 seconds.
   */
  async until(expression: string): Promise<void> {
    await this.untilTrue(async () => Boolean(await this.page.evaluate(expression)), expression);
  }

  /** Waits until something holds; gives up after 30 seconds. `name` is what it is called then. */
  async untilTrue(holds: () => Promise<boolean>, name: string = `${holds}`): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!await holds()) {
      assert.ok(Date.now() < deadline, `Cannot wait longer for: ${name}`);
      await this.page.waitForTimeout(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
