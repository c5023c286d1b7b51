/** The race in a browser, on the real server and the default model. */
import { strict as assert } from "node:assert";
import type { Request, Route } from "playwright-core";
import { lacksBrowser } from "../../support/browser.ts";
import { eagle3Flags, needsModel } from "../../support/model_file.ts";
import { ServerProcess } from "../../support/server_process.ts";
import { lane, openRace, questionOf, race, verdict } from "./race_page.ts";

const SPED =
  /^Over\. With speculation: \d+\.\d\d× the speed after the first token \((faster|slower|as fast)\)/;

Deno.test({
  name: "race",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    await using server = await ServerProcess.start(["--model-path", needsModel().path, ...eagle3Flags(3)]);

    await t.step(
      "by keyboard: one run after the other, texts equal, ratio and accept lengths shown",
      async () => {
        await using browser = await openRace(server.url);
        const { page } = browser, runs: string[] = [];
        await page.route("**/v1/chat/completions", async (route) => {
          const { loads: [load] } = await (await fetch(`${server.url}/v1/loads?include=core`)).json();
          runs.push(`${nameOf(route.request())} beside ${load.num_total_reqs}`);
          await route.continue();
        });
        await page.getByRole("spinbutton", { name: "Tokens at most" }).fill("40");
        await browser.assertAccessible();
        await page.getByRole("button", { name: "Code" }).focus();
        await page.keyboard.press("Space");
        await page.getByRole("spinbutton", { name: "Seed" }).press("Enter");
        await verdict(browser).getByText(SPED).waitFor();
        await page.getByText("Texts: equal, 40 tokens.").first().waitFor();
        await page.getByRole("cell", { name: "equal, 40" }).waitFor();
        assert.deepEqual(runs, ["1 token beside 0", "speculative beside 0", "plain beside 0"]);
        const text = await lane(browser, "Plain").locator(".lane-text").innerText();
        assert.equal(await lane(browser, "With speculation").locator(".lane-text").innerText(), text);
        assert.match(text, /class|def/);
        assert.match(
          (await lane(browser, "With speculation").getByRole("img").first().getAttribute("aria-label"))!,
          /^Accept length by round: [1-4]\.\d\d on average, [234] at most, \d+ rounds$/,
        );
        const plainLabel = await lane(browser, "Plain").getByRole("img").first().getAttribute("aria-label");
        assert.equal(plainLabel, "Accept length by round: 1.00 on average, 1 at most, 39 rounds");
        await browser.assertAccessible();
        assert.deepEqual(browser.errors, []);
      },
    );

    await t.step(
      "run again: the plain run starts first, the median is over both, both have one seed",
      async () => {
        await using browser = await openRace(server.url);
        const { page } = browser, questions: Record<string, unknown>[] = [];
        page.on("request", (request) => questions.push(...[questionOf(request) ?? []].flat()));
        await page.getByRole("spinbutton", { name: "Tokens at most" }).fill("24");
        await page.getByRole("spinbutton", { name: "Seed" }).fill("7");
        await page.getByRole("spinbutton", { name: "Temperature" }).fill("0.8");
        await race(browser);
        await race(browser);
        await page.getByText("Median of 2 run one after the other").waitFor();
        assert.deepEqual(
          questions.map(({ speculative, max_completion_tokens: most }) => [speculative, most]),
          [[true, 1], [true, 24], [false, 24], [true, 1], [false, 24], [true, 24]],
        );
        assert.deepEqual(new Set(questions.map(({ seed, temperature }) => `${seed} ${temperature}`)).size, 1);
        assert.equal(questions[0]!.seed, 7);
        for (const name of ["speculation first", "plain first"]) {
          assert.equal(await page.getByRole("cell", { name }).count(), 1, name);
        }
      },
    );

    await t.step("at once: both run together", async () => {
      await using browser = await openRace(server.url);
      const { page } = browser, both = Promise.withResolvers<void>(), asked: (string | undefined)[] = [];
      // No run goes on before both are asked for: one that waits for the other's end waits for ever.
      await page.route("**/v1/chat/completions", async (route) => {
        asked.push(nameOf(route.request()));
        if (asked.length === 3) both.resolve();
        if (asked.length > 1) await both.promise;
        await route.continue();
      });
      await page.getByRole("spinbutton", { name: "Tokens at most" }).fill("40");
      await page.getByRole("combobox", { name: "Order" }).selectOption("at once");
      await race(browser);
      await verdict(browser).getByText(SPED).waitFor();
      assert.deepEqual([asked[0], ...asked.slice(1).toSorted()], ["1 token", "plain", "speculative"]);
      await page.getByText("Median of 0 run one after the other").waitFor();
    });

    await t.step("stop: keeps what is there, starts nothing more", async () => {
      await using browser = await openRace(server.url);
      const { page } = browser;
      await page.getByRole("spinbutton", { name: "Tokens at most" }).fill("2000");
      await page.getByRole("button", { name: "Open" }).click();
      const button = page.getByRole("button", { name: "Start the race" });
      await button.focus();
      await page.keyboard.press("Enter");
      await lane(browser, "With speculation").getByText("writes").waitFor();
      await browser.assertAccessible();
      await page.keyboard.press("Enter");
      await verdict(browser).getByText("Stopped.").waitFor();
      assert.notEqual(await lane(browser, "With speculation").locator(".lane-text").innerText(), "");
      await lane(browser, "With speculation").getByText("stopped").waitFor();
      await lane(browser, "Plain").getByText("not run").waitFor();
      assert.equal(await page.evaluate("document.activeElement.textContent.trim()"), "Run again");
      assert.equal(await page.getByRole("table").count(), 0);
    });

    await t.step("a difference is shown with its place and both tokens", async () => {
      await using browser = await openRace(server.url, { colorScheme: "dark" });
      await browser.page.route("**/v1/chat/completions", changeThirdToken);
      await browser.page.getByRole("spinbutton", { name: "Tokens at most" }).fill("8");
      await race(browser);
      const shown = browser.page.getByText(/^Token 3: with speculation/);
      assert.match(
        await shown.innerText(),
        /^Token 3: with speculation ".*" \(id \d+\), plain "other" \(id 99999\)\.$/,
      );
      await browser.page.getByText("Texts: different from token 3 on, after 2 tokens that are equal.").first()
        .waitFor();
      const color = await browser.page.evaluate(
        "getComputedStyle(document.querySelector('.difference')).color",
      );
      assert.equal(await browser.page.locator(".comparison[data-verdict=different]").count(), 1);
      const [red, green, blue] = /(\d+), (\d+), (\d+)/.exec(color as string)!.slice(1).map(Number);
      assert.ok(red! > 1.5 * green! && red! > 1.5 * blue!, `${color} is red`);
      assert.equal(await verdict(browser).getByText("the speed").count(), 0);
      await browser.page.getByRole("cell", { name: "different, 2" }).waitFor();
      await browser.assertAccessible();
    });

    await t.step("a run that is refused says why, the other one stays", async () => {
      await using browser = await openRace(server.url, { viewport: { width: 360, height: 740 } });
      await browser.page.route("**/v1/chat/completions", refusePlain);
      await browser.page.getByRole("spinbutton", { name: "Tokens at most" }).fill("8");
      await race(browser);
      await lane(browser, "Plain").getByText("The queue is full").waitFor();
      await lane(browser, "Plain").getByText(/^Again in [123] s$/).waitFor();
      await lane(browser, "With speculation").getByText("done, at the limit of tokens").waitFor();
      await verdict(browser).getByText("Plain: failed.").waitFor();
      assert.notEqual(await lane(browser, "With speculation").locator(".lane-text").innerText(), "");
      assert.equal(await browser.page.evaluate("document.documentElement.scrollWidth"), 360);
      await browser.assertAccessible();
      await lane(browser, "Plain").getByText("Now it can be run again").waitFor();
    });

    await t.step("a server that is gone keeps the race from starting", async () => {
      await using browser = await openRace(server.url);
      await browser.page.route("**/v1/chat/completions", (route) => route.abort());
      await browser.page.getByRole("button", { name: "Start the race" }).click();
      await verdict(browser).getByText("The race did not start.").waitFor();
      await lane(browser, "Plain").getByText("not run").waitFor();
      await browser.assertAccessible();
    });
  },
});

/** Which of a race's requests it is; undefined for none of them. */
function nameOf(request: Request): string | undefined {
  const question = questionOf(request);
  if (question === undefined) return undefined;
  return question.max_completion_tokens === 1 ? "1 token" : question.speculative ? "speculative" : "plain";
}

/** The server's own answer; in the plain run its third token is another one. */
async function changeThirdToken(route: Route): Promise<void> {
  const response = await route.fetch();
  let numSeen = 0;
  const body = (await response.text()).replaceAll(/^data: (\{.*\})$/gm, (line, json) => {
    const chunk = JSON.parse(json);
    for (const { tokens } of chunk.choices[0]?.speculation ?? []) {
      for (const token of tokens) if (++numSeen === 3) Object.assign(token, { id: 99_999, text: "other" });
    }
    return questionOf(route.request())!.speculative ? line : `data: ${JSON.stringify(chunk)}`;
  });
  await route.fulfill({ response, body });
}

async function refusePlain(route: Route): Promise<void> {
  if (questionOf(route.request())!.speculative) return await route.continue();
  const body = JSON.stringify({
    error: { message: "The queue is full", type: "rate_limit_error", code: "queue_full" },
  });
  await route.fulfill({
    status: 429,
    headers: { "Retry-After": "3" },
    contentType: "application/json",
    body,
  });
}
