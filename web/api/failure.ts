/**
 * From an answer that is an error to what a notice says.
 *
 * @module
 */
import type { ApiFailure } from "./answer.ts";
import { recordOf } from "./record.ts";

/** The failure that a response tells of. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text().catch(() => "");
  const retryAfterS = secondsOf(response.headers.get("Retry-After"));
  return {
    ...failureOfBody(parse(text), response.status),
    ...(retryAfterS !== undefined && { retryAfterS }),
  };
}

/** The failure that an error's body tells of; `status` where it does not say so itself. */
export function failureOfBody(body: unknown, status = 500): ApiFailure {
  const flat = recordOf(body), facts = recordOf(flat.error);
  const code = typeof flat.code === "number" ? flat.code : status;
  const message = [facts.message, flat.message, flat.detail].find((text) => typeof text === "string" && text);
  const param = facts.param ?? flat.param;
  return {
    kind: kindOf(code),
    message: typeof message === "string" ? message : `The server answered with status ${code}`,
    ...(typeof param === "string" && { param }),
  };
}

/** The failure that an answer is which is no stream of events, as a proxy's page for signing in; undefined for a stream. */
export function failureOfType({ headers, status }: Response): ApiFailure | undefined {
  const type = headers.get("Content-Type")?.replace(/;.*/, "").trim() || "nothing";
  if (type === "text/event-stream") return undefined;
  return {
    kind: "broken",
    message:
      `Status ${status} with ${type} in place of an answer: something else than Aerie may stand in between`,
  };
}

/** The failure of a request that got no answer, or of which the connection ended in the middle. */
export function unreachable(message: string): ApiFailure {
  return { kind: "unreachable", message };
}

function kindOf(status: number): ApiFailure["kind"] {
  if (status === 401) return "unauthorized";
  if (status === 429 || status === 503) return "overloaded";
  // A proxy says these of the server behind it.
  if (status === 502 || status === 504) return "unreachable";
  return status >= 500 ? "broken" : "refused";
}

/** `Retry-After`, in seconds or as a date. */
function secondsOf(header: string | null): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header), until = Date.parse(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - Date.now()) / 1000));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
