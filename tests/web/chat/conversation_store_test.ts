/** Conversations in a storage that is small, or that others have written into. */
import { strict as assert } from "node:assert";
import type { Answer } from "../../../web/api/answer.ts";
import { MemoryStorage } from "../../../web/chat/browser_storage.ts";
import { type Conversation, emptyConversation, parseConversation } from "../../../web/chat/conversation.ts";
import { ConversationStore, MAX_CONVERSATIONS } from "../../../web/chat/conversation_store.ts";

const round: Answer["rounds"][number] = {
  tokens: [{ id: 1, text: "word ".repeat(20), origin: "accepted" }],
  tree: { tokens: [1], texts: ["word"], parents: [-1], probabilities: [0.5] },
  accepted: [0],
  "draft_ms": 1,
  "verify_ms": 2,
};

function answerOf(numRounds: number): Answer {
  return {
    text: "word",
    rounds: Array(numRounds).fill(round),
    state: "ended",
    sentAt: 1,
    finishReason: "stop",
  };
}

function conversation(id: string, changedAt: number, ...answers: Answer[]): Conversation {
  return { id, title: "", changedAt, exchanges: answers.map((answer) => ({ question: "why?", answer })) };
}

Deno.test("conversation store: what was saved is loaded, those changed last first", () => {
  const storage = new MemoryStorage(), store = new ConversationStore(storage);
  const old = conversation("a", 1, answerOf(2)), recent = conversation("b", 2, answerOf(0));
  store.save(old);
  store.save(recent);
  assert.deepEqual(new ConversationStore(storage).load(), [recent, old]);
});

Deno.test("conversation store: what cannot be read is left out", () => {
  const storage = new MemoryStorage(), store = new ConversationStore(storage), good = conversation("a", 1);
  store.save(good);
  for (const [id, json] of ["", "null", "3", '"a"', "[]", "{}", '{"id":"x"}', "{"].entries()) {
    storage.set(`aerie.conversation.${id}`, json);
  }
  storage.set("aerie.conversation.z", JSON.stringify({ ...good, exchanges: [{ question: 3 }] }));
  storage.set("aerie.conversation.y", JSON.stringify({ ...good, id: "of another key" }));
  assert.deepEqual(store.load(), [good]);
});

Deno.test("conversation store: rounds that are none are dropped, the text stays", () => {
  const broken = { ...conversation("a", 1, answerOf(1)) };
  for (const wrong of [[null], [{ tokens: "x" }], [{ ...round, tree: { tokens: [] } }], "rounds"]) {
    const [exchange] = broken.exchanges;
    const json = JSON.stringify({
      ...broken,
      exchanges: [{ ...exchange, answer: { ...exchange!.answer, rounds: wrong } }],
    });
    const answer = parseConversation(json)!.exchanges[0]!.answer!;
    assert.deepEqual([answer.text, answer.rounds], ["word", []]);
  }
});

Deno.test("conversation store: an answer that was under way is one that was stopped", () => {
  const growing: Answer = { text: "Once", rounds: [], state: "running", sentAt: 1, firstAt: 2, lastAt: 3 };
  const { exchanges } = parseConversation(JSON.stringify(conversation("a", 1, growing)))!;
  assert.deepEqual(exchanges[0]!.answer, { ...growing, state: "stopped" });
});

Deno.test("conversation store: rounds of the oldest answers go before a conversation grows without bound", () => {
  const storage = new MemoryStorage(), store = new ConversationStore(storage);
  store.save(conversation("a", 1, answerOf(4000), answerOf(3000), answerOf(10)));
  assert.deepEqual(store.get("a")!.exchanges.map(({ answer }) => answer!.rounds.length), [0, 3000, 10]);
});

Deno.test("conversation store: where room is missing rounds of the oldest go, then the oldest, never the text", () => {
  const storage = new MemoryStorage(5000), store = new ConversationStore(storage);
  const numRounds = () => store.load().map(({ exchanges }) => exchanges[0]!.answer!.rounds.length);
  store.save(conversation("old", 1, answerOf(5)));
  store.save(conversation("middle", 2, answerOf(5)));
  assert.deepEqual(numRounds(), [5, 5]);
  assert.ok(store.save(conversation("new", 3, answerOf(8))));
  assert.deepEqual(numRounds(), [8, 5, 0]);
  assert.ok(store.save(conversation("new", 3, answerOf(17))));
  assert.deepEqual(store.load().map(({ id }) => id), ["new", "middle"]);
  assert.ok(store.save(conversation("new", 3, answerOf(100))));
  assert.deepEqual(store.load(), [conversation("new", 3, answerOf(0))]);
  assert.equal(new ConversationStore(new MemoryStorage(10)).save(conversation("a", 1)), false);
});

Deno.test("conversation store: there are so many conversations and no more", () => {
  const store = new ConversationStore(new MemoryStorage());
  for (let i = 0; i < MAX_CONVERSATIONS + 5; i++) store.save(conversation(`c${i}`, i));
  assert.equal(store.load().length, MAX_CONVERSATIONS);
  assert.equal(store.load().at(-1)!.id, "c5");
});

Deno.test("conversation store: drafts go with their conversation", () => {
  const storage = new MemoryStorage(), store = new ConversationStore(storage), { id } = emptyConversation();
  store.setDraft(id, "half a thought");
  store.setDraft(`${id}.2`, "an edit");
  assert.deepEqual([store.draftOf(id), store.draftOf(`${id}.2`)], ["half a thought", "an edit"]);
  store.remove(id);
  assert.deepEqual(storage.keys(""), []);
});
