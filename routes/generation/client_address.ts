/**
 * Which addresses are one client.
 *
 * @module
 */
import ipaddr from "ipaddr.js";

/** Bits of an IPv6 address that one household or machine gets. */
const CLIENT_BITS = 64;

/**
 * Name of the client behind an address: an IPv4 address, also one that is mapped into IPv6, or the /64 of an IPv6 one,
 * whose lower half its owner chooses. What is no address is its own name.
 */
export function clientOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${
    ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString().split("%")[0]}/${CLIENT_BITS}`)
  }/${CLIENT_BITS}`;
}
