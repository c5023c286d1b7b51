/** Settings: what is sent for them, what is kept. */
import { strict as assert } from "node:assert";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { chatRequest } from "../../../routes/schema/chat.ts";
import { MemoryStorage } from "../../../web/chat/browser_storage.ts";
import { settingFields } from "../../../web/chat/setting_fields.ts";
import { fieldsOf, Settings } from "../../../web/chat/settings.ts";

function settings(texts: Readonly<Record<string, string>>): Settings {
  const made = new Settings(new MemoryStorage(), new MemoryStorage());
  for (const [name, text] of Object.entries(texts)) made.setText(name, text);
  return made;
}

Deno.test("settings: empty fields are not sent, numbers are numbers, what is none goes as it is", () => {
  const { values } = settings({
    temperature: " 0.5 ",
    "top_p": "",
    "top_k": "0,7",
    seed: "12345678901234567890",
    "min_p": " ",
    stop: "END\n\n\\n\\n\\\\",
  });
  assert.deepEqual(fieldsOf(values.value), {
    temperature: 0.5,
    "top_k": "0,7",
    seed: "12345678901234567890",
    stop: ["END", "\n\n\\"],
  });
});

Deno.test("settings: each field is one of the API", () => {
  assert.deepEqual(settingFields.filter(({ name }) => !(name in chatRequest.shape)), []);
});

Deno.test("settings: the defaults that are shown are the server's", () => {
  const names: Readonly<Record<string, keyof typeof defaultSamplingParams>> = {
    temperature: "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "min_p": "minP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "repetition_penalty": "repetitionPenalty",
  };
  for (const [name, own] of Object.entries(names)) {
    const shown = settingFields.find((field) => field.name === name)!.byDefault;
    assert.equal(shown, String(defaultSamplingParams[own]), name);
  }
});

Deno.test("settings: speculation is named only where it is off", () => {
  const made = settings({});
  assert.deepEqual(fieldsOf(made.values.value), {});
  made.set({ isSpeculative: false });
  assert.deepEqual(fieldsOf(made.values.value), { speculative: false });
});

Deno.test("settings: what examples bring is set where nothing is, and is seen, sent and taken back", () => {
  const made = settings({ temperature: "0.7", "max_completion_tokens": " " });
  made.fill({ temperature: "0", "max_completion_tokens": "300" });
  assert.deepEqual(made.values.value.texts, { temperature: "0.7", "max_completion_tokens": "300" });
  assert.deepEqual(fieldsOf(made.values.value), { temperature: 0.7, "max_completion_tokens": 300 });
  made.reset();
  assert.deepEqual(fieldsOf(made.values.value), {});
});

Deno.test("settings: the server's fault is that of the field, until it is changed", () => {
  const made = settings({ stop: "a" });
  assert.ok(made.refuse("stop[0]", "too long"));
  assert.deepEqual(made.faults.value, { stop: "too long" });
  assert.equal(made.refuse("messages[0].content", "wrong"), false);
  made.setText("stop", "b");
  assert.deepEqual(made.faults.value, {});
});

Deno.test("settings: a key stays in the tab unless it shall be remembered", () => {
  const storage = new MemoryStorage(), made = new Settings(storage, new MemoryStorage());
  made.setKey("sesame", false);
  assert.equal(new Settings(storage, new MemoryStorage()).apiKey.value, "");
  made.setKey("sesame", true);
  assert.equal(new Settings(storage, new MemoryStorage()).apiKey.value, "sesame");
  made.setKey("sesame", false);
  assert.equal(new Settings(storage, new MemoryStorage()).apiKey.value, "");
});
