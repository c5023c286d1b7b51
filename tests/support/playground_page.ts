/**
 * The playground as somebody uses it.
 *
 * @module
 */
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";
import { BrowserPage } from "./browser.ts";

/** The playground in a browser. */
export class PlaygroundPage implements AsyncDisposable {
  readonly browser: BrowserPage;

  private constructor(browser: BrowserPage) {
    this.browser = browser;
  }

  /** Opens the playground of a server, wide enough that all of it is in sight. */
  static async open(url: string, options: BrowserContextOptions = {}): Promise<PlaygroundPage> {
    const browser = await BrowserPage.open(url, { viewport: { width: 1360, height: 800 }, ...options });
    const opened = new PlaygroundPage(browser);
    try {
      await opened.question.waitFor();
      return opened;
    } catch (error) {
      await browser[Symbol.asyncDispose]();
      throw error;
    }
  }

  get page(): Page {
    return this.browser.page;
  }

  /** The box in which questions are typed. */
  get question(): Locator {
    return this.page.getByRole("textbox", { name: "Question", exact: true });
  }

  /** A button by the whole of its name. */
  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** The answers, each with what stands below it. */
  get replies(): Locator {
    return this.page.getByRole("article", { name: /^Answer/ });
  }

  /** The text of an answer. */
  async answer(index: number): Promise<string> {
    return await this.replies.nth(index).locator(".answer").innerText();
  }

  /** The first token with text of a round, or of what comes behind it, in the first answer. */
  firstToken(rounds: readonly SpeculationRound[], round: number): Locator {
    const before = rounds.slice(0, round).flatMap(({ tokens }) => tokens).filter(({ text }) => text !== "");
    return this.replies.first().locator(`[data-token="${before.length}"]`);
  }

  /** Sets a sampling field. */
  async set(label: string, text: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  /** Asks a question and waits for the end of its answer. */
  async ask(question: string): Promise<string> {
    const count = await this.replies.count();
    await this.question.fill(question);
    await this.question.press("Enter");
    await this.ended(count);
    return await this.answer(count);
  }

  /** Waits until an answer has ended. */
  async ended(index: number): Promise<void> {
    await this.replies.nth(index).and(this.page.locator('[aria-busy="false"]')).waitFor();
    await this.replies.nth(index).getByRole("button", { name: "Regenerate" }).waitFor();
  }

  /** Waits until an answer has begun. */
  async begun(index: number): Promise<void> {
    await this.replies.nth(index).locator(".answer").filter({ hasText: /\S/ }).waitFor();
  }

  /** Errors of scripts and of the content security policy; that a request was refused is none. */
  get scriptErrors(): string[] {
    return this.browser.errors.filter((error) => !error.startsWith("Failed to load resource"));
  }

  /** Waits until something holds. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    await this.browser.untilTrue(holds);
  }

  /** Adds fields of the API to every chat request, e.g. so that answers do not end by themselves. */
  async addFields(fields: Readonly<Record<string, unknown>>): Promise<void> {
    await this.page.route(
      "**/v1/chat/completions",
      (route) =>
        route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), ...fields }) }),
    );
  }

  /** Waits until an element has the focus. */
  async hasFocus(element: Locator): Promise<boolean> {
    await element.and(this.page.locator(":focus")).waitFor({ timeout: 5000 });
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
  }
}
