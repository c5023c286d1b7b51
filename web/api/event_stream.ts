/**
 * Reads server-sent events.
 *
 * @module
 */

/**
 * The data of each event of a stream, as the standard has it: lines end in CR, LF or both, comments and other fields
 * are skipped, several data lines are one text, an event that the end cuts off is dropped.
 */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader(), decoder = new TextDecoder();
  let rest = "", data: string[] = [], isAfterCr = false;
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      let text = decoder.decode(value, { stream: true });
      // The other half of a CRLF.
      if (isAfterCr && text.startsWith("\n")) text = text.slice(1);
      else if (text === "") continue;
      isAfterCr = text.endsWith("\r");
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield data.join("\n");
          data = [];
        } else if (/^data(?::|$)/.test(line)) {
          data.push(line.slice(5).replace(/^ /, ""));
        }
      }
    }
  } finally {
    // Resolves at once where the stream has ended, and tells the server where it has not.
    reader.cancel().catch(() => {});
  }
}
