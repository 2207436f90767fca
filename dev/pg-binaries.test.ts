import { lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completeLinks } from './pg-binaries.mjs';
import { temporaryFolder } from './test-support.js';

describe('the binaries of the embedded PostgreSQL', () => {
  it('get the links that an install script would have made, whether it ran or not', () => {
    const native = join(temporaryFolder(), 'native');
    mkdirSync(join(native, 'bin'), { recursive: true });
    mkdirSync(join(native, 'lib'));
    writeFileSync(join(native, 'bin', 'postgres'), '');
    writeFileSync(join(native, 'bin', 'initdb'), '');
    writeFileSync(join(native, 'lib', 'libicuuc.so.60.2'), 'library');
    const links = [{ source: 'native/lib/libicuuc.so.60.2', target: 'native/lib/libicuuc.so.60' }];
    writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links));
    completeLinks(native);
    completeLinks(native);
    const link = join(native, 'lib', 'libicuuc.so.60');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(link, 'utf8')).toBe('library');
    expect(statSync(join(native, 'bin', 'initdb')).mode & 0o111).toBe(0o111);
  });
});
