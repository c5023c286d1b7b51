/** What the playground's content security policy forbids, in a browser, on the real server with a tiny model. */
import { strict as assert } from "node:assert";
import { BrowserPage, lacksBrowser } from "../support/browser.ts";
import { TinyServer } from "../support/tiny_server.ts";

/** Ways by which what a model writes could become a script, or leave the page. */
const ATTEMPTS = {
  "HTML out of text": `document.body.innerHTML = "<img src=x onerror=happen()>"`,
  "a document out of text": `new DOMParser().parseFromString("<p>", "text/html")`,
  "a script in the page": `
    const script = document.createElement("script");
    script.append("happen()");
    document.body.append(script);
  `,
  "an event handler": `
    const button = document.createElement("button");
    button.setAttribute("onclick", "happen()");
    document.body.append(button);
    button.click();
  `,
  "another server": `await fetch("http://127.0.0.1:1/")`,
  "another page in a frame": `
    const frame = document.createElement("iframe");
    frame.src = "v1/models";
    document.body.append(frame);
  `,
};

Deno.test({
  name: "policy: nothing becomes a script of the playground, and nothing leaves it",
  ignore: lacksBrowser,
  async fn(t) {
    await using server = await TinyServer.start();
    await using browser = await BrowserPage.open(server.url);
    await browser.page.locator("#app > *").first().waitFor();
    assert.deepEqual(browser.errors, []);
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      await t.step(name, async () => {
        const [violation, happened] = await browser.page.evaluate(`(async () => {
          let happened = false;
          globalThis.happen = () => happened = true;
          const violated = new Promise((resolve, reject) => {
            addEventListener("securitypolicyviolation", ({ violatedDirective }) => resolve(violatedDirective), {
              once: true,
            });
            setTimeout(() => reject(new Error("nothing was forbidden")), 10_000);
          });
          await (async () => { ${attempt} })().catch(() => {});
          return [await violated, happened];
        })()`) as [string, boolean];
        assert.equal(happened, false);
        assert.match(violation, /^(require-trusted-types-for|script-src|connect-src|frame-src)/);
      });
    }
  },
});
