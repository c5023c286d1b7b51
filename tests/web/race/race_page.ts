/**
 * The race of a page in a browser.
 *
 * @module
 */
import type { BrowserContextOptions, Locator, Request } from "playwright-core";
import { BrowserPage } from "../../support/browser.ts";

/** Opens the page's race. */
export async function openRace(url: string, options: BrowserContextOptions = {}): Promise<BrowserPage> {
  const browser = await BrowserPage.open(url, options), { page } = browser;
  await page.getByRole("tab", { name: "Race" }).click();
  await page.getByRole("button", { name: "Start the race" }).waitFor();
  return browser;
}

/** The column of a run. */
export function lane({ page }: BrowserPage, name: "With speculation" | "Plain"): Locator {
  return page.getByRole("region", { name, exact: true });
}

/** The line that says where the race stands. */
export function verdict({ page }: BrowserPage): Locator {
  return page.locator(".race").getByRole("status");
}

/** Runs a race to its end with the button that starts it. */
export async function race(browser: BrowserPage): Promise<void> {
  await browser.page.getByRole("button", { name: /^(Start the race|Run again)$/ }).click();
  await browser.page.getByRole("button", { name: "Stop" }).waitFor();
  await browser.page.getByRole("button", { name: "Run again" }).waitFor();
}

/** The body of a request for an answer; undefined for another request. */
export function questionOf(request: Request): Record<string, unknown> | undefined {
  return request.url().endsWith("/v1/chat/completions") ? request.postDataJSON() : undefined;
}
