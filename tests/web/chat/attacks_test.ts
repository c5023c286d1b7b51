/** The page with answers and stored data that mean ill or are none: a notice, nothing runs, nothing typed is lost. */
import { strict as assert } from "node:assert";
import type { Route } from "playwright-core";
import { lacksBrowser } from "../../support/browser.ts";
import { chunk } from "../../support/chat_events.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { TinyServer } from "../../support/tiny_server.ts";

type Answer = Parameters<Route["fulfill"]>[0];

const EVIL = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) <svg onload=alert(1)> " +
  "![i](data:image/svg+xml,<svg>) ![m](https://example.org/x.png) [d](data:text/html,<script>alert(1)</script>) " +
  "\u001b[31mred\u0000\u0007 \u202eabc\u202c <script>alert(1)</script>\n\n<iframe src=//example.org></iframe>";

/** Events that a server could send. */
function events(...data: unknown[]): Answer {
  const body = data.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
  return { contentType: "text/event-stream", body: body.join("") };
}

const HTML = { contentType: "text/html", body: "<h1>Sign in</h1>" };
const notices: readonly (readonly [name: string, answer: Answer, notice: string])[] = [
  ["a page with status 200", HTML, "Status 200 with text/html in place of an answer"],
  ["a page with status 413", { ...HTML, status: 413 }, "The server answered with status 413"],
  ["a page with status 500", { ...HTML, status: 500 }, "The server answered with status 500"],
  [
    "markup in an error",
    { status: 500, body: JSON.stringify({ error: { message: "<img src=x onerror=alert(1)>" } }) },
    "<img src=x onerror=alert(1)>",
  ],
  ["events that are no chunks", events(null), "Cannot read what the server sent"],
  ["a stream cut in an event", {
    ...events(chunk("half")),
    body: `data: ${JSON.stringify(chunk("half"))}\n\ndata: {"cho`,
  }, "The connection ended in the middle of the answer"],
];

/** What may stand in the browser's storage. */
const stored: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no JSON": { "aerie.settings": "{[", "aerie.conversation.a": "{[", "aerie.current": "\u0000" },
  "JSON of other types": {
    "aerie.settings": '{"system":5,"texts":null,"view":7,"theme":{}}',
    "aerie.conversation.a": "null",
    "aerie.conversation.b": '{"id":"b","title":"t","exchanges":[null],"changedAt":5}',
  },
  "a conversation named by markup, whose rounds are none": {
    "aerie.conversation.c": JSON.stringify({
      id: "c",
      title: "<img src=x onerror=alert(1)>",
      changedAt: 1e300,
      exchanges: [{
        question: EVIL,
        answer: {
          text: "abc",
          state: "ended",
          sentAt: 0,
          rounds: [{
            tokens: [{ text: "abc", origin: "plain" }],
            accepted: [5],
            tree: { tokens: [], texts: [1], parents: [9], probabilities: ["x"] },
          }],
        },
      }],
    }),
  },
};

Deno.test({
  name: "attacks",
  ignore: lacksBrowser,
  async fn(t) {
    await using server = await TinyServer.start();
    await run(t, server.url);
  },
});

async function run(t: Deno.TestContext, url: string): Promise<void> {
  await t.step("answers: markup and addresses are text, whatever is asked", async () => {
    await using opened = await PlaygroundPage.open(`${url}/?x=<script>alert(1)</script>`);
    const { page } = opened;
    let answer: Answer;
    await page.route("**/v1/chat/completions", (route) => route.fulfill(answer));
    for (const view of ["Reading", "Tokens"]) {
      await page.getByRole("radio", { name: view }).check();
      answer = events(chunk(EVIL, "stop"), "[DONE]");
      await opened.ask(EVIL);
    }
    answer = events({ ...chunk("all of it", "stop"), padding: "x".repeat(1_000_000) });
    assert.equal(await opened.ask("An event of a megabyte"), "all of it");
    const found = await page.evaluate(
      `document.querySelectorAll(".exchanges :is(img, script, iframe, a, svg:not(.icon))").length`,
    );
    assert.equal(found, 0);
    assert.deepEqual(opened.browser.requested.filter((to) => !to.startsWith(url)), []);
    assert.deepEqual(opened.browser.errors, []);
  });

  for (const [name, answer, notice] of notices) {
    await t.step(`answers: ${name}`, async () => {
      await using opened = await PlaygroundPage.open(url);
      const { page } = opened;
      await page.route("**/v1/chat/completions", (route) => route.fulfill(answer));
      await opened.question.fill("what I typed");
      await opened.question.press("Enter");
      await opened.replies.first().getByText(notice).waitFor();
      await page.getByRole("article", { name: "Question 1" }).getByText("what I typed").waitFor();
      assert.equal(await page.locator(".exchanges img").count(), 0);
      await opened.browser.assertAccessible();
      assert.deepEqual(opened.scriptErrors, []);
    });
  }

  for (const [name, texts] of Object.entries(stored)) {
    await t.step(`storage: ${name}`, async () => {
      await using opened = await PlaygroundPage.open(url);
      const { page } = opened;
      await page.evaluate(
        `for (const [key, text] of ${
          JSON.stringify(Object.entries(texts))
        }) localStorage.setItem(key, text); sessionStorage.clear();`,
      );
      await page.reload();
      await opened.question.fill("typed");
      for (const token of await page.locator("[data-token]").all()) await token.click();
      await page.reload();
      assert.equal(await opened.question.inputValue(), "typed");
      assert.equal(await page.locator(":is(.chats, .exchanges) img").count(), 0);
      assert.deepEqual(opened.scriptErrors, []);
    });
  }
}
