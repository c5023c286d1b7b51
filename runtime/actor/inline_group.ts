/**
 * Actors of one thread that are linked to each other: an engine's in tests, a Worker's in production.
 *
 * @module
 */
import type { Address } from "../messages/actors.ts";
import type { Actor } from "./actor.ts";
import { type Channel, localChannels } from "./channel.ts";
import { InlineHost, type InlineHostOptions } from "./inline_host.ts";

/** Inline hosts by the names of their actors. Messages between linked actors are passed by reference. */
export class InlineGroup {
  readonly #hosts = new Map<Address, InlineHost<unknown, unknown, unknown>>();
  readonly #channels: () => [Channel, Channel];

  /** @param channels makes the two ends of a link */
  constructor(channels: () => [Channel, Channel] = localChannels) {
    this.#channels = channels;
  }

  /** All hosts. */
  get hosts(): Iterable<InlineHost<unknown, unknown, unknown>> {
    return this.#hosts.values();
  }

  /** The host of an actor, if it has one. */
  get(name: Address): InlineHost<unknown, unknown, unknown> | undefined {
    return this.#hosts.get(name);
  }

  /** Hosts an actor. */
  host<Config, Info, Message>(
    actor: Actor<Config, Info, Message>,
    options: InlineHostOptions,
  ): InlineHost<Config, Info, Message> {
    const host = new InlineHost(actor, options);
    this.#hosts.set(actor.name, host as InlineHost<unknown, unknown, unknown>);
    return host;
  }

  /**
   * Connects two actors, neither of which is started yet.
   *
   * @throws {TypeError} if one of them has no host
   */
  link(a: Address, b: Address): void {
    const [one, other] = [a, b].map((name) => this.#hosts.get(name));
    if (!one || !other) throw new TypeError(`Cannot link actors: ${a} and ${b} are not both hosted`);
    const [near, far] = this.#channels();
    one.link(b, near);
    other.link(a, far);
  }
}
