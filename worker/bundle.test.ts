import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { bundleKey, workflowBundle } from './bundle.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

let home: string;
let code: string;
const warnings: string[] = [];
const log = { warn: (_facts: object, message: string) => void warnings.push(message) };
const folder = (): string => path.join(home, 'workflow-bundles');
const bundle = async (at = home) =>
  (await workflowBundle({ home: at, log }, () => Promise.resolve(code)))?.code;

beforeAll(async () => {
  home = await mkdtemp(path.join(inject('scratch'), 'bundles-'));
  // Once in earnest: it takes seconds.
  code = (await workflowBundle({ home, log }))?.code ?? '';
});
beforeEach(() => {
  warnings.length = 0;
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function kept(): Promise<{ file: string; text: string }> {
  const [name = '', ...more] = await readdir(folder());
  expect(more).toEqual([]);
  const file = path.join(folder(), name);
  return { file, text: await readFile(file, 'utf8') };
}

const withChecksum = (text: string): string =>
  `// ${createHash('sha256').update(text).digest('hex')}\n${text}`;

describe('the bundle of the workflows', () => {
  it('T5: is taken from where an earlier start has kept it', async () => {
    const { file, text } = await kept();
    await writeFile(file, withChecksum('// told apart from the real one'));
    expect(await bundle()).toBe('// told apart from the real one');
    await writeFile(file, text);
    expect(await bundle()).toBe(code);
    expect(warnings).toEqual([]);
  });

  it.each([
    { what: 'cut off', damage: (text: string) => text.slice(0, text.length / 2) },
    { what: 'changed', damage: (text: string) => text.replace('orderWorkflow', 'orderWorkflaw') },
    { what: 'empty', damage: () => '' },
  ])('is made again when what was kept is $what', async ({ damage }) => {
    const { file, text } = await kept();
    await writeFile(file, damage(text));
    expect(await bundle()).toBe(code);
    expect((await kept()).text).toBe(text);
  });

  it('takes the place of those of other releases', async () => {
    const { file } = await kept();
    await rm(file);
    await writeFile(path.join(folder(), 'other.js'), withChecksum('// of another release'));
    expect(await bundle()).toBe(code);
    expect((await kept()).file).toBe(file);
  });

  it('is made, with a warning, where it cannot be kept', async () => {
    const file = path.join(home, 'a-file');
    await writeFile(file, '');
    expect(await bundle(file)).toBe(code);
    expect(warnings).toContain('the next start bundles the workflows again: the bundle could not be kept');
  });

  it('is left to the worker, with a warning, when its own process fails', async () => {
    const fails = () => Promise.reject(new Error('no memory'));
    const at = await mkdtemp(path.join(home, 'fails-'));
    expect(await workflowBundle({ home: at, log }, fails)).toBeUndefined();
    expect(warnings).toEqual(['the workflows are bundled in the worker: a process of their own has failed']);
  });

  it('is made of what its key stands for, and of packages', () => {
    const [, map = ''] = /sourceMappingURL=data:[^,]*,(\S+)/.exec(code) ?? [];
    const { sources } = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] };
    const own = sources.filter((source) => source.startsWith(ROOT) && !source.includes('node_modules'));
    const folders = new Set(own.map((source) => path.relative(ROOT, source).split(path.sep)[0]));
    expect(folders).toEqual(new Set(['domain', 'workflows']));
  });
});

describe('the key of a bundle', () => {
  it.each([
    'workflows/order.ts',
    'domain/order.ts',
    'workflows/new.ts',
    'domain/new/deep.ts',
    'package-lock.json',
  ])('is another one when %s changes', async (file) => {
    const root = await mkdtemp(path.join(home, 'root-'));
    for (const part of ['workflows', 'domain', 'package-lock.json']) {
      await cp(path.join(ROOT, part), path.join(root, part), { recursive: true });
    }
    const before = await bundleKey(root);
    expect(await bundleKey(root)).toBe(before);
    await cp(path.join(ROOT, 'LICENSE'), path.join(root, file));
    expect(await bundleKey(root)).not.toBe(before);
  });
});
