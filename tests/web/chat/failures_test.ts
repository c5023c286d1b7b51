/** What the page says when the server is full or gone. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { needsModel } from "../../support/model_file.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { ServerProcess } from "../../support/server_process.ts";

const ignore = lacksBrowser || needsModel().ignore;
const MODEL = ["--model-path", needsModel().path];

Deno.test({
  name: "full queue: the time is counted down, then the question is asked again",
  ignore,
  async fn() {
    await using server = await ServerProcess.start(MODEL);
    await using opened = await PlaygroundPage.open(server.url);
    const { page } = opened;
    let numRefused = 0;
    await page.route("**/v1/chat/completions", (route) => {
      if (numRefused++ >= 2) return route.continue();
      const error = {
        message: "Cannot queue request: the queue is full",
        type: "rate_limit_error",
        param: null,
      };
      return route.fulfill({
        status: 429,
        headers: { "Retry-After": "2" },
        json: { error: { ...error, code: null }, object: "error", ...error, code: 429 },
      });
    });
    await opened.set("Max tokens", "4");
    await opened.question.fill("Hello");
    await opened.question.press("Enter");
    await opened.replies.nth(0).getByText("Cannot queue request: the queue is full").waitFor();
    await page.getByText("Asking again in 2 s").waitFor();
    await opened.browser.assertAccessible();
    assert.match(await page.getByRole("alert").innerText(), /queue is full.*asked again in 2 seconds/);
    await page.getByText("Asking again in 1 s").waitFor();
    await opened.button("Now").waitFor();
    await opened.begun(0);
    await opened.ended(0);
    assert.equal(numRefused, 3);

    numRefused = 1;
    await opened.question.fill("Again");
    await opened.question.press("Enter");
    await opened.button("Do not ask again").click();
    await opened.button("Send again").waitFor();
    await page.waitForTimeout(2500);
    assert.equal(numRefused, 2, "nobody asked again");
    await opened.button("Send again").click();
    await opened.begun(1);
    assert.equal(await page.locator(".bubble").nth(1).innerText(), "Again");
    assert.deepEqual(opened.scriptErrors, []);
  },
});

Deno.test({
  name: "restart: what was said and typed stays, the page waits and says that the server is back",
  ignore,
  async fn() {
    const first = await ServerProcess.start(MODEL), { url } = first;
    await using opened = await PlaygroundPage.open(url);
    const { page } = opened;
    await opened.addFields({ ignore_eos: true });
    await opened.question.fill("Write a very long story about a lighthouse keeper.");
    await opened.question.press("Enter");
    await opened.begun(0);
    await opened.question.fill("typed meanwhile");
    await first[Symbol.asyncDispose]();
    await page.getByText("The server does not answer. This page waits for it").waitFor();
    const text = await opened.answer(0);
    assert.ok(text.length > 0);
    assert.match(await page.getByRole("alert").innerText(), /ended in the middle/);
    await opened.browser.assertAccessible();

    await using _second = await ServerProcess.start([...MODEL, "--port", new URL(url).port]);
    await page.getByText("The server does not answer").waitFor({ state: "detached" });
    assert.equal(await page.locator("#said").innerText(), "The server is back");
    await page.getByText("The server is back.").waitFor();
    await opened.browser.assertAccessible();
    assert.equal(await opened.answer(0), text);
    assert.equal(await opened.question.inputValue(), "typed meanwhile");
    await opened.set("Max tokens", "4");
    await opened.button("Send again").click();
    await opened.ended(0);
    assert.notEqual(await opened.answer(0), text);
    await opened.button("Undo").click();
    assert.equal(await opened.answer(0), text);
    assert.deepEqual(opened.scriptErrors, []);
  },
});
