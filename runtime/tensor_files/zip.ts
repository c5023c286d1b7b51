/**
 * Reads files out of a zip archive on disk, as a stream or in place. Enough of PKWARE's APPNOTE for Python wheels and
 * PyTorch's checkpoints: stored and deflated entries, no encryption, nothing beyond 4 GiB.
 *
 * @module
 */
import { sizeOfRegularFile } from "./regular_file.ts";

/** A file inside a zip archive. */
export interface ZipEntry {
  readonly name: string;
  /** Uncompressed size as the archive states it. */
  readonly bytes: number;
  /** Uncompressed content; read it to its end or cancel it. */
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>;
}

interface DirectoryEntry {
  readonly name: string;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly deflated: boolean;
  readonly headerOffset: number;
}

/** Where a file of an archive lies. */
export interface ZipRange {
  readonly name: string;
  /** Absolute offset of its content in the archive. */
  readonly offset: number;
  /** Uncompressed size. */
  readonly bytes: number;
  readonly deflated: boolean;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 65535;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const STORED = 0, DEFLATED = 8;
const CHUNK_BYTES = 256 * 1024;

/**
 * Opens the only entry whose name ends with `suffix`.
 *
 * @throws {RangeError} if the archive is damaged or does not hold exactly one such entry
 */
export async function openZipEntry(path: string, suffix: string): Promise<ZipEntry> {
  const file = await openArchive(path);
  try {
    const matches = readDirectory(file).filter(({ name }) => name.endsWith(suffix));
    const [entry] = matches;
    if (entry === undefined || matches.length > 1) {
      throw new RangeError(`Cannot unpack ${path}: ${matches.length} entries end with ${suffix}, expected 1`);
    }
    const offset = locate(file, entry);
    const stored = readRange(file, offset, entry.storedBytes);
    const content = entry.deflated ? stored.pipeThrough(new DecompressionStream("deflate-raw")) : stored;
    return { name: entry.name, bytes: entry.bytes, content };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Where all files of an archive lie; content that is not deflated can be read in place.
 *
 * @throws {RangeError} if the archive is damaged
 */
export async function listZip(path: string): Promise<ZipRange[]> {
  using file = await openArchive(path);
  const { size } = file.statSync(), ranges: ZipRange[] = [];
  for (const entry of readDirectory(file)) {
    const { name, bytes, storedBytes, deflated } = entry, offset = locate(file, entry);
    if (offset + storedBytes > size || (!deflated && bytes !== storedBytes)) {
      throw new RangeError(`Cannot read zip archive: ${name} leaves the file`);
    }
    ranges.push({ name, offset, bytes, deflated });
  }
  return ranges;
}

async function openArchive(path: string): Promise<Deno.FsFile> {
  sizeOfRegularFile(path);
  return await Deno.open(path);
}

/** Offset of an entry's content: behind its local header, whose length only it knows. */
function locate(file: Deno.FsFile, { name, headerOffset }: DirectoryEntry): number {
  const local = readAt(file, headerOffset, LOCAL_BYTES);
  if (local.getUint32(0, true) !== LOCAL_SIGNATURE) {
    throw new RangeError(`Cannot read zip archive: ${name} has no local header`);
  }
  return headerOffset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
}

function readDirectory(file: Deno.FsFile): DirectoryEntry[] {
  const { size } = file.statSync();
  const tailBytes = Math.min(size, END_BYTES + MAX_COMMENT_BYTES);
  const tail = readAt(file, size - tailBytes, tailBytes);
  let end = tailBytes - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < 0) throw new RangeError("Cannot read zip archive: no central directory");

  const numEntries = tail.getUint16(end + 10, true);
  const directory = readAt(file, tail.getUint32(end + 16, true), tail.getUint32(end + 12, true));
  const entries: DirectoryEntry[] = [];
  for (let at = 0, i = 0; i < numEntries; i++) {
    if (at + ENTRY_BYTES > directory.byteLength || directory.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw new RangeError(`Cannot read zip archive: entry ${i} of ${numEntries} is damaged`);
    }
    const method = directory.getUint16(at + 10, true);
    const nameBytes = directory.getUint16(at + 28, true);
    if (at + ENTRY_BYTES + nameBytes > directory.byteLength) {
      throw new RangeError(`Cannot read zip archive: entry ${i} of ${numEntries} is damaged`);
    }
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + ENTRY_BYTES, nameBytes));
    if (method === STORED || method === DEFLATED) {
      entries.push({
        name,
        bytes: directory.getUint32(at + 24, true),
        storedBytes: directory.getUint32(at + 20, true),
        deflated: method === DEFLATED,
        headerOffset: directory.getUint32(at + 42, true),
      });
    }
    at += ENTRY_BYTES + nameBytes + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
  }
  return entries;
}

/** Synchronous: an archive may have 65,535 entries, and waiting takes longer than reading. */
function readAt(file: Deno.FsFile, offset: number, length: number): DataView<ArrayBuffer> {
  const { size } = file.statSync();
  if (offset < 0 || offset + length > size) {
    throw new RangeError(`Cannot read zip archive: bytes ${offset} to ${offset + length} of ${size}`);
  }
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < length;) {
    const read = file.readSync(bytes.subarray(filled));
    if (read === null) throw new RangeError("Cannot read zip archive: the file became shorter");
    filled += read;
  }
  return new DataView(bytes.buffer);
}

/** Streams a range and closes the file after it. */
function readRange(
  file: Deno.FsFile,
  offset: number,
  length: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = offset;
  const end = offset + length;
  return new ReadableStream({
    pull(controller) {
      if (at === end) {
        file.close();
        return controller.close();
      }
      try {
        const chunk = readAt(file, at, Math.min(CHUNK_BYTES, end - at));
        at += chunk.byteLength;
        controller.enqueue(new Uint8Array(chunk.buffer));
      } catch (error) {
        file.close();
        controller.error(error);
      }
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
