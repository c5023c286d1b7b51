/** The playground in a browser, on the real server and the default model. */
import { strict as assert } from "node:assert";
import { BrowserPage, lacksBrowser } from "../support/browser.ts";
import { needsModel } from "../support/model_file.ts";
import { ServerProcess } from "../support/server_process.ts";

Deno.test({
  name: "playground: opens, asks its own server only, and is accessible",
  ignore: lacksBrowser || needsModel().ignore,
  async fn() {
    await using server = await ServerProcess.start(["--model-path", needsModel().path]);
    await using browser = await BrowserPage.open(server.url);
    await browser.page.getByRole("heading", { level: 1 }).waitFor();
    await browser.assertAccessible();
    assert.deepEqual(browser.requested.filter((url) => !url.startsWith(server.url)), []);
    assert.deepEqual(browser.errors, []);
  },
});
