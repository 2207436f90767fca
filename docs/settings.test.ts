/** README's table of settings is what the programs read. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, codes, read, section, tableRows } from './test-support.js';

const rows = tableRows(section(read('README.md'), '## Settings')).slice(1);
const described = new Map(rows.map(([name, fallback]) => [codes(name ?? '')[0] ?? '', fallback ?? '']));

/** The variables of a zod object, each with the text of its line or lines. */
function variablesOf(file: string, from: string): Map<string, string> {
  const source = read(file);
  const body = source.slice(source.indexOf(from)).split('\n});')[0] ?? '';
  const starts = [...body.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)];
  return new Map(
    starts.map((start, index) => [start[1] ?? '', body.slice(start.index, starts[index + 1]?.index)]),
  );
}

const ofConfig = new Map([
  ...variablesOf('config.ts', 'const variables = z.object'),
  ...variablesOf('config/providers.ts', 'const providerVariables = z.object'),
]);
const ofSandbox = variablesOf('sandbox/config.ts', 'const environment = z.object');
// What is the system's or npm's, made by a test run for itself, or read by the Temporal connection's own library.
const NOT_OURS =
  /^(?:PATH|HOME|CI|LC_ALL|DEBIAN_FRONTEND|XDG_CACHE_HOME|npm_\w+|HOLDFAST_TEST_\w+|TEMPORAL_CONFIG_FILE)$/;
const ofLauncher = readdirSync(path.join(ROOT, 'dev'))
  .filter((name) => name.endsWith('.mjs'))
  .flatMap((name) => [
    ...read(`dev/${name}`).matchAll(/(?:env\['|(?:text|portOf|urlOf)\((?:env, )?'|variable: ')(\w+)'/g),
  ])
  .map(([, name]) => name ?? '')
  .filter((name) => !NOT_OURS.test(name));

function defaultOf(declaration: string): string | undefined {
  const [, text, value, of] =
    /\.default\('([^']+)'\)|\.default\((\w+)\)|(?:port|duration)\('?(\w+)'?\)/.exec(declaration) ?? [];
  return (text ?? value ?? of)?.replaceAll('_', '');
}

describe('the table of settings', () => {
  it('has every variable that config.ts, the sandbox and the launcher read, and no other', () => {
    const readSomewhere = new Set([...ofConfig.keys(), ...ofSandbox.keys(), ...ofLauncher]);
    expect([...described.keys()].sort()).toEqual([...readSomewhere].sort());
  });

  it('gives the defaults that config.ts has', () => {
    const defaults = [...ofConfig].flatMap(([name, declaration]) => {
      const value = defaultOf(declaration);
      return value === undefined ? [] : [{ name, value }];
    });
    expect(defaults.length).toBeGreaterThan(15);
    const wrong = defaults.filter(({ name, value }) => !codes(described.get(name) ?? '').includes(value));
    expect(wrong).toEqual([]);
  });
});
