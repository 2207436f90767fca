import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartError } from '../config.js';
import { compactJournal, readJournal } from './journal.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-test-'));
  path = join(folder, 'state.jsonl');
});

afterEach(() => rm(folder, { recursive: true }));

const change = (key: string): { collection: string; key: string; value: object } => ({
  collection: 'trades',
  key,
  value: { amount: 1 },
});

describe('the journal', () => {
  it('has on disk what was committed, in order', async () => {
    const journal = await compactJournal(path, []);
    journal.append(change('a'));
    const first = journal.commit();
    journal.append(change('b'));
    journal.append({ collection: 'trades', key: 'a' });
    await Promise.all([first, journal.commit()]);
    expect(await readJournal(path)).toEqual([change('a'), change('b'), { collection: 'trades', key: 'a' }]);
    await journal.close();
  });

  it('keeps all of a group or none: a torn last line never happened', async () => {
    const journal = await compactJournal(path, [change('kept')]);
    journal.append(change('payment'));
    journal.append(change('notification'));
    await journal.commit();
    await journal.close();
    const whole = await readFile(path, 'utf8');
    for (let cut = whole.indexOf('payment'); cut < whole.length; cut += 7) {
      await writeFile(path, whole.slice(0, cut));
      expect(await readJournal(path)).toEqual([change('kept')]);
    }
    await writeFile(path, whole);
    expect(await readJournal(path)).toHaveLength(3);
  });

  it('refuses a file that is damaged in the middle, and says where', async () => {
    await compactJournal(path, [change('a')]).then((journal) => journal.close());
    await appendFile(path, '{"torn\n[]\n');
    await expect(readJournal(path)).rejects.toThrow(StartError);
    await expect(readJournal(path)).rejects.toThrow(/state\.jsonl is damaged at line 2/);
  });

  it('keeps failing after a failed write, so that nothing is answered that is not on disk', async () => {
    const journal = await compactJournal(path, []);
    await journal.close();
    journal.append(change('lost'));
    await expect(journal.commit()).rejects.toThrow();
    await expect(journal.commit()).rejects.toThrow();
    expect(await readJournal(path)).toEqual([]);
  });
});
