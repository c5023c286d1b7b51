/** The page of the API's document in a browser, on the real server with a tiny model. */
import { strict as assert } from "node:assert";
import { BrowserPage, lacksBrowser } from "../../support/browser.ts";
import { TinyServer } from "../../support/tiny_server.ts";

Deno.test({
  name: "docs: opens from its own server alone, and runs an example with the key that it is given",
  ignore: lacksBrowser,
  async fn() {
    await using server = await TinyServer.start(["--served-model-name", "tiny", "--api-key", "secret"]);
    await using browser = await BrowserPage.open(`${server.url}/docs`);
    const { page } = browser;
    const operation = page.locator("#operations-Generation-post_v1_completions");
    await operation.getByRole("button").first().click();
    assert.match(await operation.getByRole("textbox").inputValue(), /"model": "tiny"/);

    const status = operation.locator(".live-responses-table .response-col_status").last();
    await operation.getByRole("button", { name: "Execute" }).click();
    await status.getByText("401").waitFor();

    await page.getByRole("button", { name: "Authorize" }).click();
    const dialog = page.locator(".modal-ux");
    await dialog.getByRole("textbox").fill("secret");
    await dialog.getByRole("button", { name: "Apply" }).click();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await operation.getByRole("button", { name: "Execute" }).click();
    await status.getByText("200").waitFor();
    assert.match(await operation.locator(".live-responses-table").innerText(), /"text_completion"/);

    assert.deepEqual(browser.requested.filter((url) => !url.startsWith(`${server.url}/`)), []);
    // The browser itself tells of the answer without a key.
    assert.deepEqual(browser.errors.filter((error) => !error.includes("status of 401")), []);
  },
});
