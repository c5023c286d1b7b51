/**
 * The inside of a host: reads requests from standard input, one after the other, and writes replies to standard output.
 *
 * @module
 */
import { FrameReader, toFrame } from "./frames.ts";

/** Writes a reply; returns when the pipe has taken it. `body` is any typed array. */
export function sendReply(head: unknown, body?: ArrayBufferView): void {
  const frame = toFrame(head, body);
  for (let sent = 0; sent < frame.length;) sent += Deno.stdout.writeSync(frame.subarray(sent));
}

/** Answers requests until the server closes the pipe, then ends the process. */
export async function answerRequests<Request>(
  answer: (request: Request, body: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<never> {
  // A terminal sends its signals to the whole group: requests under way still need this process.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  const requests = new FrameReader<Request>();
  for (;;) {
    const piece = new Uint8Array(65536);
    const length = Deno.stdin.readSync(piece);
    if (length === null) Deno.exit(0);
    for (const { head, body } of requests.push(piece.subarray(0, length))) await answer(head, body);
  }
}
