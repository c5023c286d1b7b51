/** The API key: asked for, refused, taken, kept. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { needsModel } from "../../support/model_file.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { ServerProcess } from "../../support/server_process.ts";

Deno.test({
  name: "key: a wrong one is said, the focus goes to its field, the right one goes on",
  ignore: lacksBrowser || needsModel().ignore,
  async fn() {
    await using server = await ServerProcess.start([
      "--model-path",
      needsModel().path,
      "--api-key",
      "sesame",
    ]);
    await using opened = await PlaygroundPage.open(server.url);
    const { page } = opened, key = page.getByLabel("API key");
    await page.getByText("The server asks for an API key.").waitFor();
    await opened.browser.assertAccessible();
    await opened.question.fill("Hello");
    await opened.question.press("Enter");
    await opened.hasFocus(key);
    assert.match(await page.getByRole("alert").innerText(), /Cannot authorize/);
    await opened.replies.nth(0).getByText("Cannot authorize").waitFor();
    await page.keyboard.type("wrong");
    await page.getByText("The server does not take this key.").waitFor();
    await opened.browser.assertAccessible();
    await key.fill("sesame");
    await page.getByText("The server asks for an API key.").waitFor({ state: "detached" });
    await page.locator(".model", { hasText: "SmolLM2" }).waitFor();
    await opened.set("Max tokens", "4");
    await opened.button("Send again").click();
    await opened.begun(0);
    await opened.ended(0);

    await opened.button("Show as code").click();
    const code = await page.locator("dialog .code").innerText();
    assert.ok(code.includes("$AERIE_API_KEY") && !code.includes("sesame"), code);
    const { code: status, stdout } = await new Deno.Command("sh", {
      args: ["-c", code],
      env: { AERIE_API_KEY: "sesame" },
    }).output();
    assert.equal(status, 0);
    assert.match(new TextDecoder().decode(stdout), /data: \[DONE\]/);
    await page.keyboard.press("Escape");

    assert.deepEqual(await kept(opened), { session: "sesame", local: null });
    await page.getByLabel("Remember it in this browser").check();
    assert.deepEqual(await kept(opened), { session: "sesame", local: "sesame" });
    assert.deepEqual(opened.scriptErrors, []);
  },
});

async function kept({ page }: PlaygroundPage): Promise<unknown> {
  return await page.evaluate(() => ({
    session: sessionStorage.getItem("aerie.key"),
    local: localStorage.getItem("aerie.key"),
  }));
}
