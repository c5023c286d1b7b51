import assert from "node:assert/strict";
import { clientOf } from "../../../routes/generation/client_address.ts";

Deno.test("an address is one client however it is written, and so is a /64", () => {
  const clients: readonly (readonly [string, string])[] = [
    ["1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::ffff:102:304", "1.2.3.4"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["::1", "::/64"],
    ["/run/aerie.sock", "/run/aerie.sock"],
  ];
  for (const [address, client] of clients) assert.equal(clientOf(address), client);
});
