import assert from "node:assert/strict";
import { PortChannel } from "../../../runtime/actor/channel.ts";
import { InlineHost } from "../../../runtime/actor/inline_host.ts";
import { drafterActor } from "../../../runtime/actors/drafter.ts";
import type { DrafterConfig } from "../../../runtime/contracts/config.ts";

Deno.test("the idle drafter takes releases of sequences it never saw and answers nothing", async () => {
  const host = new InlineHost(drafterActor(), {
    log: () => {},
    onCrash: ({ message }) => assert.fail(message),
  });
  const { port1, port2 } = new MessageChannel();
  host.connect("scheduler", port2);
  const channel = new PortChannel(port1);
  channel.listen((message) => assert.fail(JSON.stringify(message)));
  await host.start({ speculation: undefined } as DrafterConfig);
  channel.send({ type: "release", requestId: "unknown" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await host.stop();
  channel.close();
});
