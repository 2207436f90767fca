/** The image has what its processes need, and no more rights than they need. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PRODUCT, ROOT, named, read } from './test-support.js';

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const allowed = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name]) => name ?? '');

  /** Everything that a file imports from the tree, through all of it. */
  function closure(entry: string, seen = new Set<string>()): Set<string> {
    if (seen.has(entry)) return seen;
    seen.add(entry);
    for (const [, to] of read(entry).matchAll(/(?:from|import) '(\.[^']+)'/g)) {
      const found = path.join(path.dirname(entry), to ?? '');
      closure(existsSync(path.join(ROOT, found)) ? found : found.replace(/\.js$/, '.ts'), seen);
    }
    return seen;
  }

  it('has every file that its processes import', () => {
    const entries = PRODUCT.flatMap((name) => [
      ...(named(name).entrypoint ?? []),
      ...named(name).command,
    ]).filter((word) => /^(?:\.\/)?[\w/-]+\.(?:ts|mjs)$/.test(word));
    expect(entries).toContain('worker/main.ts');
    const needed = [...entries, 'deploy/preload.mjs', 'deploy/health.mjs', 'workflows/index.ts'].flatMap(
      (entry) => [...closure(path.normalize(entry))],
    );
    const left = [...new Set(needed)].filter(
      (file) => !allowed.includes(file.split('/')[0] ?? '') || /\.test\.ts$|(?:^|\/)test-[^/]*$/.test(file),
    );
    expect(left).toEqual([]);
    expect(allowed.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
  });

  it('runs Node 24 as a user without rights, and without development packages', () => {
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual([
      'node:24-slim',
      'node:24-slim',
    ]);
    expect(dockerfile).toContain('npm ci --omit=dev');
    expect(dockerfile.indexOf('\nUSER node\n')).toBeGreaterThan(dockerfile.indexOf('\nCOPY . .\n'));
    expect(dockerfile.indexOf('\nUSER node\n')).toBeLessThan(dockerfile.indexOf('\nENTRYPOINT '));
  });

  it('has scripts that can be executed', () => {
    const scripts = ['deploy/postgres', 'deploy/temporal'].flatMap((folder) =>
      readdirSync(path.join(ROOT, folder)).map((name) => path.join(ROOT, folder, name)),
    );
    const shells = scripts.filter((file) => file.endsWith('.sh'));
    expect(shells.filter((file) => (statSync(file).mode & 0o111) === 0)).toEqual([]);
    for (const file of shells) execFileSync('/bin/sh', ['-n', file]);
  });
});
