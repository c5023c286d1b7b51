import assert from "node:assert/strict";
import { InlineHost } from "../../../runtime/actor/inline_host.ts";
import { drafterActor } from "../../../runtime/actors/drafter.ts";
import type { DrafterConfig } from "../../../runtime/speculation_config.ts";

Deno.test("the idle drafter takes releases of sequences it never saw and answers nothing", async () => {
  const host = new InlineHost(drafterActor(), {
    log: () => {},
    onCrash: ({ message }) => assert.fail(message),
  });
  const { port1, port2 } = new MessageChannel();
  host.connect("scheduler", port2);
  port1.onmessage = ({ data }) => assert.fail(JSON.stringify(data));
  await host.start({ speculation: undefined } as DrafterConfig);
  port1.postMessage({ type: "release", requestId: "unknown" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await host.stop();
  port1.close();
});
