/**
 * Refusals: answers to input that never becomes a request, written on the bare socket.
 *
 * @module
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { toErrorReply } from "../routes/answers/errors.ts";
import { AerieError, InvalidRequestError } from "../runtime/contracts/errors.ts";
import { methodRefusal, METHODS } from "./request.ts";

/** What node:http reports of a connection it cannot read. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Uint8Array;
}

/** Time an answered client gets to close the connection itself, in milliseconds; after it the answer may be lost. */
export const LINGER_MS = 1000;

/** Whether the head of a request took too long. */
export function isLate({ code }: ParserError): boolean {
  return code === "ERR_HTTP_REQUEST_TIMEOUT";
}

/** The error that answers a client; undefined if it has left. */
export function refusalOf(error: ParserError): { error: AerieError; status?: number } | undefined {
  switch (error.code) {
    case "ECONNRESET":
    case "EPIPE":
      return undefined;
    case "HPE_HEADER_OVERFLOW":
      return {
        error: new InvalidRequestError("Cannot read request: its headers are too large"),
        status: 431,
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { error: new AerieError("request_timeout", "Cannot read request: its headers took too long") };
  }
  const method = unknownMethod(error);
  if (method !== undefined) return { error: methodRefusal(method) };
  return { error: new InvalidRequestError("Cannot read request: it is not valid HTTP/1.1") };
}

/** The method of a head that was given up within its first word. */
function unknownMethod({ rawPacket, bytesParsed = 0 }: ParserError): string | undefined {
  if (rawPacket === undefined) return undefined;
  const head = new TextDecoder("latin1").decode(rawPacket.subarray(0, 200));
  const [, method] = /^([A-Za-z-]{1,20}) \S+/.exec(head) ?? [];
  return method !== undefined && bytesParsed <= method.length && !METHODS.includes(method)
    ? method
    : undefined;
}

/** Answers on a socket that carries no other answer, and closes it. */
export function refuseOn(socket: Socket, error: AerieError, status?: number): void {
  const reply = toErrorReply(error);
  const code = status ?? reply.status;
  const body = JSON.stringify(reply.body);
  const head = Object.entries({
    "Content-Type": "application/json",
    "Content-Length": String(new TextEncoder().encode(body).length),
    "Connection": "close",
    ...reply.headers,
  });
  const lines = [`HTTP/1.1 ${code} ${STATUS_CODES[code]}`, ...head.map((pair) => pair.join(": ")), "", body];
  socket.end(lines.join("\r\n"));
  // Closing with unread bytes resets the connection, and a reset makes the client lose the answer.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
