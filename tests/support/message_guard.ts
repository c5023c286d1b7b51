/**
 * Finds messages that are changed after they were sent. Actors of one thread pass messages by reference, so a sender that
 * changes an array it has sent, or a receiver that changes what it was given, changes what the other one holds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Channel, localChannels } from "../../runtime/actor/channel.ts";

/** Messages that are remembered: those of some steps. */
const NUM_REMEMBERED = 64;

/** A typed array of a message, with what it held when it was sent. */
interface SentArray {
  readonly name: string;
  readonly array: Uint8Array;
  readonly sent: Uint8Array;
}

/**
 * Makes guarded local channels. Objects and plain arrays of a message are frozen when it is sent, so that a change throws
 * where it is made. Typed arrays cannot be frozen: they are compared with a copy whenever another message is sent, as long
 * as they are remembered.
 */
export class MessageGuard {
  readonly #remembered: SentArray[][] = [];
  /** Messages sent so far. */
  numSent = 0;

  /** The two ends of a channel, in place of those of `localChannels`. */
  readonly channels = (): [Channel, Channel] => {
    const [near, far] = localChannels();
    return [this.#guard(near), this.#guard(far)];
  };

  /** Compares what is remembered with what was sent. */
  assertUnchanged(): void {
    for (const message of this.#remembered) {
      for (const { name, array, sent } of message) {
        if (sent.every((byte, i) => array[i] === byte)) continue;
        assert.fail(`${name} was changed after it was sent`);
      }
    }
  }

  #guard(channel: Channel): Channel {
    return {
      send: (message) => {
        this.assertUnchanged();
        this.numSent++;
        const arrays: SentArray[] = [];
        freeze((message as { readonly type: string }).type, message, arrays);
        this.#remembered.push(arrays);
        if (this.#remembered.length > NUM_REMEMBERED) this.#remembered.shift();
        channel.send(message);
      },
      listen: (onMessage) => channel.listen(onMessage),
      poll: () => channel.poll(),
      close: () => channel.close(),
    };
  }
}

/** Freezes objects and plain arrays; adds typed arrays to `arrays`. */
function freeze(name: string, value: unknown, arrays: SentArray[]): void {
  if (typeof value !== "object" || value === null) return;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    assert.equal(
      byteLength,
      buffer.byteLength,
      `${name} is a part of a buffer, and posting it would carry the rest`,
    );
    const array = new Uint8Array(buffer);
    arrays.push({ name, array, sent: array.slice() });
    return;
  }
  const { constructor } = Object.getPrototypeOf(value);
  assert.ok(
    constructor === Object || constructor === Array,
    `${name} is a ${constructor.name}, which cannot be sent`,
  );
  Object.freeze(value);
  for (const [key, part] of Object.entries(value)) freeze(`${name}.${key}`, part, arrays);
}
