/**
 * Writes small zip archives for tests.
 *
 * @module
 */

/** A file to put into the archive. */
export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly deflated: boolean;
}

/** The bytes of a zip archive without checksums, which Aerie does not read. */
export async function zipBytes(files: readonly ZipFile[]): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [], directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, content, deflated } of files) {
    const stored = deflated ? await deflate(content) : content;
    const nameBytes = new TextEncoder().encode(name);
    // Version, flags, method, time, date, CRC-32, sizes, name length, extra length.
    const common = numbers(
      [2, 20],
      [2, 0],
      [2, deflated ? 8 : 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, stored.length],
      [
        4,
        content.length,
      ],
      [2, nameBytes.length],
      [2, 0],
    );
    parts.push(numbers([4, 0x04034b50]), common, nameBytes, stored);
    directory.push(
      numbers([4, 0x02014b50], [2, 20]),
      common,
      numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      nameBytes,
    );
    offset += 30 + nameBytes.length + stored.length;
  }
  const directoryBytes = directory.reduce((total, part) => total + part.length, 0);
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [
    4,
    directoryBytes,
  ], [
    4,
    offset,
  ], [2, 0]);
  return new Uint8Array(await new Blob([...parts, ...directory, end]).arrayBuffer());
}

/** Little-endian numbers, each given as its width and value. */
function numbers(...fields: readonly (readonly [width: 2 | 4, value: number])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    fields.flatMap(([width, value]) => Array.from({ length: width }, (_, i) => value >>> (8 * i))),
  );
}

async function deflate(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
