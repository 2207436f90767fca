import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSchemathesis } from './schemathesis.mjs';
import { temporaryFolder } from './test-support.js';

/** Plays Python: notes its arguments, and makes what `venv` and `pip` make. */
const PYTHON = `#!/bin/sh
echo "$@" >> "LOG"
program="$(/usr/bin/dirname "$0")/schemathesis"
case "$2" in
  venv) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
  pip) printf '#!/bin/sh\\nexit CODE\\n' > "$program" && /bin/chmod +x "$program" ;;
esac
`;

function machine({ python = true, broken = false } = {}) {
  const root = temporaryFolder();
  const path = join(root, 'path');
  const log = join(root, 'log');
  mkdirSync(path);
  writeFileSync(log, '');
  const script = PYTHON.replace('LOG', log).replace('CODE', broken ? '1' : '0');
  if (python) writeFileSync(join(path, 'python3'), script);
  if (python) chmodSync(join(path, 'python3'), 0o755);
  const sharedCache = join(root, 'cache', 'bin');
  const find = (shared: string | undefined = sharedCache) =>
    findSchemathesis({ home: join(root, 'home'), env: { PATH: path }, sharedCache: shared });
  return { root, find, calls: () => readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) };
}

describe('schemathesis', () => {
  it('is installed once, in an environment of its own beside the shared programs', async () => {
    const { root, find, calls } = machine();
    const program = await find();
    expect(program).toBe(join(root, 'cache', 'schemathesis-4.32.5', 'bin', 'schemathesis'));
    expect(await find()).toBe(program);
    expect(calls()).toEqual([
      `-m venv ${join(root, 'cache', 'schemathesis-4.32.5')}`,
      expect.stringMatching(/^-m pip install .*--only-binary :all: .* schemathesis==4\.32\.5 hypothesis==/),
    ]);
  });

  it('is installed anew where it was left half-made', async () => {
    const { root, find, calls } = machine();
    mkdirSync(join(root, 'cache', 'schemathesis-4.32.5', 'bin'), { recursive: true });
    await find();
    expect(calls()).toHaveLength(2);
  });

  it('says in one line that there is no Python', async () => {
    await expect(machine({ python: false }).find()).rejects.toThrow(/^there is no Python 3 on the PATH/);
  });

  it('leaves nothing behind when it does not run', async () => {
    const { root, find } = machine({ broken: true });
    await expect(find()).rejects.toThrow(/schemathesis --version: it ended with 1$/);
    expect(existsSync(join(root, 'cache', 'schemathesis-4.32.5'))).toBe(false);
  });
});
