/** The gauges in a browser, on the real server and the default model. */
import { strict as assert } from "node:assert";
import type { Locator, Page } from "playwright-core";
import { BrowserPage, lacksBrowser } from "../../support/browser.ts";
import { eagle3Flags, needsModel } from "../../support/model_file.ts";
import { ServerProcess } from "../../support/server_process.ts";

Deno.test({
  name: "load",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    const flags = ["--model-path", needsModel().path, "--max-running-requests", "1", ...eagle3Flags(2)];
    await using server = await ServerProcess.start(flags);

    await t.step("gauges move while something runs and waits, in text and in the chart", async () => {
      await using browser = await BrowserPage.open(server.url);
      const { page } = browser;
      await gauge(page, "Running").getByText("0", { exact: true }).waitFor();
      await browser.assertAccessible();
      const controller = new AbortController();
      const generations = [0, 1, 2].map(() => generate(server.url, controller.signal));
      await gauge(page, "Running").getByText("1", { exact: true }).waitFor();
      await gauge(page, "Queue").getByText("2", { exact: true }).waitFor();
      await gauge(page, "Tokens/s").getByText(/^[1-9]/).waitFor();
      await gauge(page, "KV pool").getByText(/^(0\.[1-9]|[1-9])/).waitFor();
      const label = "Queue: 2 now, 2 at most in the last 3 minutes";
      await page.getByRole("img", { name: label }).waitFor();
      controller.abort();
      await Promise.all(generations);
      await gauge(page, "Queue").getByText("0", { exact: true }).waitFor();
      await page.getByRole("img", { name: "Queue: 0 now, 2 at most in the last 3 minutes" }).waitFor();
      await browser.assertAccessible();
      assert.deepEqual(browser.errors, []);
    });

    await t.step("asks every two seconds, not while hidden or closed", async () => {
      await using browser = await BrowserPage.open("about:blank");
      const { page } = browser,
        asked = () => browser.requested.filter((url) => url.includes("/v1/loads")).length;
      await page.clock.install();
      await page.goto(server.url);
      await gauge(page, "Running").getByText("0", { exact: true }).waitFor();
      const step = async () => {
        await page.clock.runFor(2000);
        // The answer comes over the network, whatever the page's clock says.
        await page.evaluate("fetch('health').then((response) => response.text())");
      };
      const pass = async (): Promise<number> => {
        const before = asked();
        for (let i = 0; i < 5; i++) await step();
        return asked() - before;
      };
      // A slow answer puts the next question off, by as many of the page's seconds as it takes.
      const seesQuestions = async (when: string) => {
        const before = asked();
        await browser.untilTrue(async () => {
          await step();
          return asked() - before >= 3;
        }, `questions ${when}`);
      };
      await seesQuestions("while the page is seen");
      await hide(page, true);
      await pass();
      assert.equal(await pass(), 0, "hidden");
      await hide(page, false);
      await seesQuestions("when it is seen again");
      const asking = Promise.withResolvers<void>(), hidden = Promise.withResolvers<void>();
      await page.route("**/v1/loads*", async (route) => {
        asking.resolve();
        await hidden.promise;
        await route.continue();
      });
      await page.clock.runFor(2000);
      await asking.promise;
      await hide(page, true);
      hidden.resolve();
      await pass();
      assert.equal(await pass(), 0, "hidden while it asks");
      await hide(page, false);
      await seesQuestions("when it is seen once more");
      await page.getByRole("heading", { name: "Load" }).click();
      await pass();
      assert.equal(await pass(), 0, "closed");
      await page.getByRole("heading", { name: "Load" }).click();
      await seesQuestions("when they are opened again");
    });

    await t.step("a server that does not answer leaves a notice, which goes", async () => {
      await using browser = await BrowserPage.open(server.url);
      const { page } = browser;
      await page.route("**/v1/loads*", (route) => route.abort());
      const notice = page.getByText("The load is not up to date: the server cannot be reached.");
      await notice.waitFor();
      await browser.assertAccessible();
      await page.unroute("**/v1/loads*");
      await notice.waitFor({ state: "detached" });
    });

    await t.step("lines take the colours of the scheme, and the width of the page", async () => {
      await using browser = await BrowserPage.open(server.url, { colorScheme: "light" });
      const { page } = browser;
      await gauge(page, "Accept length").getByText(/^\d/).waitFor();
      // Two points make a line.
      await browser.until(`(${inkOf})() !== undefined`);
      const light = await page.evaluate(`(${inkOf})()`);
      await page.emulateMedia({ colorScheme: "dark" });
      await browser.until(`(${inkOf})() !== "${light}"`);
      await browser.assertAccessible();
      for (const width of [360, 330]) {
        await page.setViewportSize({ width, height: 740 });
        // Only a wide page has the gauges beside the answer, and it learns of its width after it has it.
        await page.locator("nav.side").waitFor({ state: "detached" });
        await showLoad(page);
        await browser.until(
          "document.querySelectorAll('.load-chart').length === 5 && " +
            "[...document.querySelectorAll('.load-chart')].every((chart) => " +
            "chart.clientWidth > 0 && chart.querySelector('canvas').clientWidth === chart.clientWidth)",
        );
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
      }
      await browser.assertAccessible();
    });
  },
});

function gauge(page: Page, name: string): Locator {
  return page.locator(".load-gauges").getByRole("listitem").filter({
    has: page.getByText(name, { exact: true }),
  });
}

/** Opens what a narrow page has the gauges in. */
async function showLoad(page: Page): Promise<void> {
  const isOpen = await page.getByRole("heading", { name: "Load" }).isVisible();
  if (!isOpen) await page.getByRole("button", { name: "Conversations" }).click();
}

/** Generates until the signal. */
async function generate(url: string, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({
    text: "Once upon a time",
    sampling_params: { max_new_tokens: 7000, ignore_eos: true },
  });
  const headers = { "Content-Type": "application/json" };
  await fetch(`${url}/generate`, { method: "POST", headers, body, signal }).then(
    (response) => response.body?.cancel(),
    (error) => {
      if (!signal.aborted) throw error;
    },
  );
}

/** Makes a page say that it is hidden, as a browser does when another tab is chosen. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });` +
      `document.dispatchEvent(new Event("visibilitychange"));`,
  );
}

/**
 * A function of the page: the colour of the accept length's line, as far as pixels tell that the line covers in part;
 * undefined while there is none.
 */
const inkOf = `() => {
  const canvas = [...document.querySelectorAll(".load-chart canvas")].at(-1);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let most = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > data[most + 3]) most = at;
  return data[most + 3] < 64 ? undefined : [...data.slice(most, most + 3)].map((part) => part >> 4).join();
}`;
