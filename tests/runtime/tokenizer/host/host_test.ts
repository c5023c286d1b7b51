import assert from "node:assert/strict";
import {
  InvalidRequestError,
  LoadError,
  OverloadedError,
  UnavailableError,
} from "../../../../runtime/contracts/errors.ts";
import { toFrame } from "../../../../runtime/processes/frames.ts";
import { HostLostError } from "../../../../runtime/processes/host_child.ts";
import { Host } from "../../../../runtime/tokenizer/host/host.ts";
import { type HostedTokenizer, hostTokenizer } from "../../../../runtime/tokenizer/host/hosted_tokenizer.ts";
import { toDefinition, type TokenizerSource } from "../../../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../../../runtime/tokenizer/tokenizer.ts";
import { childrenOf } from "../../../support/processes.ts";
import { TINY_TOKENIZER } from "../../../support/tiny_tokenizer.ts";

/** Takes twice as long for each further `a`. */
const SLOW_REGEX = { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated", invert: false };
const ENDLESS = "a".repeat(60) + "b";
const TEMPLATE = "{% set what = messages[0].content %}" +
  "{% if what == 'loop' %}{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}{% endif %}" +
  "{% if what == 'memory' %}{% set all = namespace(lists=[]) %}{% for a in range(1000) %}" +
  "{% set all.lists = all.lists + [[a] * 4000000] %}{% endfor %}{% endif %}" +
  "{% if what == 'long' %}{% for a in range(50000) %}{{ '0123456789' * 10 }}{% endfor %}{% endif %}" +
  "{% if what == 'refuse' %}{{ raise_exception('not this') }}{% endif %}{{ what }}";

function sourceWith(changes: Partial<TokenizerSource> = {}): TokenizerSource {
  const pretokenizers = [SLOW_REGEX, TINY_TOKENIZER.json["pre_tokenizer"]];
  return {
    path: "tiny",
    json: { ...TINY_TOKENIZER.json, "pre_tokenizer": { type: "Sequence", pretokenizers } },
    eosTokenIds: [2],
    chatAddsBos: false,
    chatTemplate: TEMPLATE,
    ...changes,
  };
}

async function started(timeoutMs = 5000): Promise<HostedTokenizer> {
  const tokenizer = hostTokenizer(sourceWith(), { timeoutMs, log: () => {} });
  await tokenizer.started;
  return tokenizer;
}

const DENO_VARIABLES = ["DENO_DIR", "HOME", "XDG_CACHE_HOME"];
const user = (content: string) => [{ role: "user", content }];
const hosts = () => childrenOf(Deno.pid).filter(({ command }) => command.includes("host_process.ts"));
const refusal = (text: RegExp) => (error: Error) =>
  error instanceof InvalidRequestError && text.test(error.message);

Deno.test("a host that has ended says so at once, not when time is up", async () => {
  const source = sourceWith(), host = new Host(toDefinition(source));
  await host.load(source.path);
  host.kill();
  await host.exited;
  await assert.rejects(
    host.ask(toFrame({ type: "encode", text: "rest" }), 1000),
    (error) => error instanceof HostLostError && error.status?.signal === "SIGKILL",
  );
});

Deno.test("a hosted tokenizer says what one in this process says", async () => {
  await using hosted = await started();
  const local = loadTokenizer(sourceWith());
  for (const text of ["", "Hello, rest!", "\ud800 half", "<|im_end|>", "é😀", "x".repeat(100_000)]) {
    for (const options of [{}, { parseSpecial: true, addSpecialTokens: false }]) {
      assert.deepEqual(await hosted.encode(text, options), local.encode(text, options));
    }
    assert.deepEqual(await hosted.renderChat(user(text)), local.renderChat(user(text)));
  }
  const continued = [...user("a"), { role: "assistant", content: "b" }];
  assert.deepEqual(
    await hosted.renderChat(continued, { continueFinalMessage: true }),
    local.renderChat(continued, { continueFinalMessage: true }),
  );
  const options = { variables: { what: ["x"] }, addGenerationPrompt: false };
  assert.deepEqual(await hosted.renderChat(user("a"), options), local.renderChat(user("a"), options));
  const call = { role: "assistant", content: "", toolCalls: [{ name: "f", arguments: "{}" }] };
  const called = [...user("a"), call];
  assert.deepEqual(await hosted.renderChat(called), local.renderChat(called));
  await assert.rejects(hosted.renderChat(user("refuse")), refusal(/^Cannot render chat: .*not this/));
  await assert.rejects(
    hosted.renderChat(user("x".repeat(2000)), { contextLength: 100 }),
    refusal(/the input \(2000 bytes\) is longer than the model's context length \(100 tokens\)/),
  );
  assert.equal(hosted.decode([...await hosted.encode("rest")]), "rest");
});

Deno.test("a host gets no more of the environment than Deno needs, and no permissions", async () => {
  await using _ = await started();
  const [host] = hosts();
  const variables = Deno.readTextFileSync(`/proc/${host!.pid}/environ`).split("\0").filter(Boolean);
  assert.deepEqual(
    variables.map((variable) => variable.split("=")[0]!).filter((name) => !DENO_VARIABLES.includes(name)),
    [],
  );
  assert.ok(!/ (-A|--allow)/.test(host!.command), host!.command);
});

Deno.test("a text that takes too long is refused alone, and its host replaced", async () => {
  await using tokenizer = await started(300);
  const [before] = hosts();
  const slow = tokenizer.encode(ENDLESS);
  const behind = Array.from({ length: 20 }, () => tokenizer.encode("rest"));
  const expected = loadTokenizer(sourceWith()).encode("rest");
  await assert.rejects(slow, refusal(/^Cannot tokenize input: tokenizing took longer than 0.3 s/));
  for (const tokens of await Promise.all(behind)) assert.deepEqual(tokens, expected);
  await assert.rejects(tokenizer.renderChat(user("loop")), refusal(/took longer than 0.3 s/));
  assert.deepEqual(await tokenizer.encode("rest"), expected);
  assert.ok(!hosts().some(({ pid }) => pid === before!.pid), "the host lives on");
  assert.ok(!hosts().some(({ state }) => state === "Z"), "a host was not waited for");
});

Deno.test("a short text does not wait behind a long one", async () => {
  await using tokenizer = await started();
  const order: string[] = [];
  const long = tokenizer.encode("rest tea ".repeat(30_000)).then(() => order.push("long"));
  for (let i = 0; i < 5; i++) await tokenizer.encode("rest").then(() => order.push("short"));
  await long;
  assert.deepEqual(order, ["short", "short", "short", "short", "short", "long"]);
});

Deno.test("a template that takes all memory ends its host, and one that makes too much text is refused", async () => {
  await using tokenizer = await started(60_000);
  await assert.rejects(tokenizer.renderChat(user("memory")), refusal(/ended its process .*memory/));
  await assert.rejects(
    tokenizer.renderChat(user("long")),
    refusal(/makes more than 4194304 characters/),
  );
  assert.equal((await tokenizer.encode("x")).length, 1);
});

Deno.test("who leaves is not waited for, and what only waited is never done", async () => {
  await using tokenizer = await started(1000);
  const leave = new AbortController();
  const slow = tokenizer.encode(ENDLESS, {}, leave.signal);
  // Both hosts would be lost to these if they were done.
  const waiting = [1, 2, 3].map(() => tokenizer.encode(ENDLESS, {}, leave.signal));
  leave.abort();
  for (const job of [slow, ...waiting]) await assert.rejects(job, { name: "AbortError" });
  await tokenizer.encode("rest");
  await assert.rejects(tokenizer.encode("rest", {}, leave.signal), { name: "AbortError" });
});

Deno.test("a host that ends by itself is replaced, and too much waiting text is refused", async () => {
  await using tokenizer = await started();
  const [before] = hosts();
  Deno.kill(before!.pid, "SIGKILL");
  const replaced = () => hosts().some(({ pid, state }) => pid !== before!.pid && state !== "Z");
  for (let tries = 0; !replaced(); tries++) {
    assert.ok(tries < 500, "nobody came in its place");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal((await tokenizer.encode("x")).length, 1);

  const leave = new AbortController(), text = "x".repeat(4_000_000);
  const jobs = Array.from({ length: 20 }, () => tokenizer.encode(text, {}, leave.signal));
  const outcomes = Promise.allSettled(jobs);
  setTimeout(() => leave.abort(), 100);
  const reasons = (await outcomes).map((outcome) => outcome.status === "rejected" && outcome.reason);
  assert.ok(
    reasons.some((reason) => reason instanceof OverloadedError && /bytes of text wait/.test(reason.message)),
  );
  assert.ok(reasons.filter((reason) => reason instanceof OverloadedError).length < 10);
});

Deno.test("stopping ends the hosts and what waits", async () => {
  const tokenizer = await started();
  const jobs = [tokenizer.encode(ENDLESS), tokenizer.encode("rest")];
  const ended = Promise.all(jobs.map((job) => assert.rejects(job, UnavailableError)));
  await tokenizer.stop();
  await ended;
  assert.deepEqual(hosts(), []);
  await assert.rejects(tokenizer.encode("rest"), UnavailableError);
});

Deno.test("what cannot be built ends the start as it does in this process", async () => {
  const double = { type: "Replace", pattern: { String: "l" }, content: "ll" };
  const bomb = { type: "Sequence", normalizers: Array.from({ length: 60 }, () => double) };
  const cases: [TokenizerSource, RegExp][] = [
    [sourceWith({ chatTemplate: "{% for %}" }), /^Cannot load chat template: /],
    [
      sourceWith({ json: { ...TINY_TOKENIZER.json, "pre_tokenizer": { type: "Unheard" } } }),
      /^Cannot load tiny: .*Unheard/,
    ],
    [sourceWith({ json: { ...TINY_TOKENIZER.json, normalizer: bomb } }), /^Cannot load tiny: /],
  ];
  for (const [source, text] of cases) {
    await using tokenizer = hostTokenizer(source, { timeoutMs: 5000, log: () => {} });
    await assert.rejects(
      tokenizer.started,
      (error: Error) => error instanceof LoadError && text.test(error.message),
    );
  }
  assert.deepEqual(hosts(), []);
});
