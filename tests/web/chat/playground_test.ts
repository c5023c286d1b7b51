/** What can be done in the page, without a browser: asking, failing, taking back, two tabs. */
import { strict as assert } from "node:assert";
import { errorResponse, toErrorReply } from "../../../routes/answers/errors.ts";
import { OverloadedError, UnavailableError } from "../../../runtime/contracts/errors.ts";
import { MemoryStorage } from "../../../web/chat/browser_storage.ts";
import { Playground } from "../../../web/chat/playground.ts";
import { chunk, streamed } from "../../support/chat_events.ts";
import { PageServer } from "../../support/page_server.ts";

/** Answers that echo the last message of the request. */
function echo(request: Request): Promise<Response> | Response {
  if (request.method === "GET") return Response.json({});
  return streamed(async function* () {
    const { messages } = await request.json();
    yield chunk(`${messages.length}: ${messages.at(-1).content}`, "stop");
  });
}

/** Waits until no answer grows. */
async function settled({ answering: { growing } }: Playground): Promise<void> {
  while (growing.value.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Questions and answers of the conversation that is shown. */
function said({ conversations }: Playground): (string | undefined)[][] {
  return conversations.current.exchanges.map(({ question, answer }) => [question, answer?.text]);
}

function playground(storage = new MemoryStorage()): Playground {
  return new Playground(storage, new MemoryStorage());
}

async function ask(page: Playground, question: string): Promise<void> {
  assert.ok(page.send(question));
  await settled(page);
}

Deno.test("playground: each question is sent with what was said before, and the system prompt", async () => {
  await using _server = new PageServer(echo);
  const page = playground();
  page.settings.set({ system: "Be brief." });
  await ask(page, "one");
  await ask(page, "two");
  assert.deepEqual(said(page), [["one", "2: one"], ["two", "4: two"]]);
  page.connection.close();
});

Deno.test("playground: what an edit or a new answer replaces comes back, even while one is written", async () => {
  let hold = false;
  await using _server = new PageServer((request) =>
    hold
      ? streamed(async function* () {
        yield chunk("slow");
        await new Promise(() => {});
      })
      : echo(request)
  );
  const page = playground();
  await ask(page, "one");
  await ask(page, "two");
  const before = said(page), { id } = page.conversations.current;
  page.askAgain(id, 0, "uno");
  await settled(page);
  assert.deepEqual(said(page), [["uno", "1: uno"]]);
  page.takeBack();
  assert.deepEqual(said(page), before);
  hold = true;
  page.askAgain(id, 1);
  while (page.answering.growing.value.get(id)?.text !== "slow") {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  page.takeBack();
  await settled(page);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(said(page), before);
  page.connection.close();
});

Deno.test("playground: a busy server is asked again by itself, unless a text had begun", async () => {
  let begins = false;
  await using _server = new PageServer(() =>
    begins
      ? streamed(async function* () {
        yield chunk("Once");
        throw new UnavailableError("Cannot finish request: server is stopping");
      })
      : errorResponse(toErrorReply(new OverloadedError("Cannot queue")))
  );
  const page = playground(), { id } = page.conversations.current;
  await ask(page, "one");
  assert.ok(page.answering.retries.value.has(id));
  page.answering.cancelRetry(id);
  assert.ok(!page.answering.retries.value.has(id));
  begins = true;
  await ask(page, "two");
  assert.ok(!page.answering.retries.value.has(id));
  assert.deepEqual(said(page).at(-1), ["two", "Once"]);
  page.connection.close();
});

Deno.test("playground: one question at a time, and none that is empty", async () => {
  await using _server = new PageServer(echo);
  const page = playground();
  assert.equal(page.send(" \n"), false);
  assert.ok(page.send("one"));
  assert.equal(page.send("two"), false);
  await settled(page);
  assert.deepEqual(said(page), [["one", "1: one"]]);
  page.connection.close();
});

Deno.test("playground: a second tab sees what the first stored, and what it deletes is not lost here", async () => {
  await using _server = new PageServer(echo);
  const storage = new MemoryStorage(), first = playground(storage);
  await ask(first, "one");
  const second = playground(storage), { id } = first.conversations.current;
  await ask(second, "two");
  first.conversations.takeOver(`aerie.conversation.${id}`);
  assert.deepEqual(said(first), said(second));
  second.remove(id);
  first.conversations.takeOver(`aerie.conversation.${id}`);
  assert.deepEqual(said(first), [["one", "1: one"], ["two", "3: two"]]);
  second.takeBack();
  assert.deepEqual(said(second), said(first));
  first.connection.close();
  second.connection.close();
});

Deno.test("playground: a new chat is the empty one that there is, unless something is typed in it", () => {
  const { conversations } = playground(), empty = conversations.current.id;
  conversations.begin();
  assert.equal(conversations.current.id, empty);
  conversations.setDraft(empty, "half a thought");
  conversations.begin();
  assert.notEqual(conversations.current.id, empty);
  assert.equal(conversations.state.value.list.length, 2);
});
