/** The documents tell the truth about the tree: what they name exists, and what must be named is. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FOLDERS, ROOT, codes, read, section, tableRows } from './test-support.js';

const DECISIONS = readdirSync(path.join(ROOT, 'docs/decisions'))
  .sort()
  .map((name) => `docs/decisions/${name}`);
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/ARCHITECTURE.md',
  'docs/STYLE.md',
  'docs/performance.md',
  'docs/promises.md',
  'ledger/README.md',
  'sandbox/README.md',
  ...DECISIONS,
];
const README = read('README.md');

const withoutFences = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '');

const FILE = /^[\w.-]+(?:\/[\w.-]+)*\.(?:ts|mjs|sql|md|json|ya?ml|sh)$/;
const FOLDER = /^[\w-]+(?:\/[\w-]+)*\/$/;

/** What a document says is a path: code that ends like a file or a folder. Placeholders have angle brackets. */
function pathsIn(document: string): string[] {
  const text = withoutFences(read(document));
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to]) =>
    path.join(path.dirname(document), to ?? ''),
  );
  return [...links, ...codes(text).filter((code) => FILE.test(code) || FOLDER.test(code))];
}

// Files that a run makes; beside them, a README may name the files of its own folder.
const MADE_BY_A_RUN = new Set(['merchant.json', 'HOLDFAST_HOME/sandbox/merchant.json', 'state.jsonl']);
const exists = (document: string, name: string): boolean =>
  MADE_BY_A_RUN.has(name) ||
  existsSync(path.join(ROOT, name)) ||
  (document.endsWith('README.md') && existsSync(path.join(ROOT, path.dirname(document), name)));

describe('the documents', () => {
  it.each(DOCUMENTS)('name only paths that exist: %s', (document) => {
    expect(pathsIn(document).filter((name) => !exists(document, name))).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((document) => [
      ...[...read(document).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? ''),
      ...[...read(document).matchAll(/\bnpm (start|test)\b/g)].map(([, name]) => name ?? ''),
    ]);
    expect([...new Set(named)].filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

describe('the README', () => {
  it('has a row for each folder', () => {
    const rows = tableRows(section(README, '## Find your way around'));
    const described = rows.flatMap(([first]) => /^`(\w+)\/`$/.exec(first ?? '')?.[1] ?? []);
    expect(described.sort()).toEqual([...FOLDERS].sort());
  });

  it('calls only routes that the API has', () => {
    const sources = readdirSync(path.join(ROOT, 'api/v1')).filter((name) => !name.endsWith('.test.ts'));
    const routes = sources
      .flatMap((name) => [...read(`api/v1/${name}`).matchAll(/path: ['`](\/v1\/[^'`]+)['`]/g)])
      .map(([, route]) => new RegExp(`^${(route ?? '').replaceAll(/:\w+|\$\{\w+\}/g, '[^/]+')}$`));
    const calls = [...README.matchAll(/\bcall (?:GET|POST|PUT) "?(\/v1\/[^\s"?]+)/g)].map(
      ([, called]) => called?.replaceAll(/\$\(.*$/g, 'x/payments') ?? '',
    );
    expect(calls.length).toBeGreaterThan(10);
    expect(calls.filter((called) => !routes.some((route) => route.test(called)))).toEqual([]);
  });
});

describe('a decision record', () => {
  it.each(DECISIONS)('says context, decision and consequences: %s', (file) => {
    const text = read(file);
    const number = path.basename(file).slice(0, 4);
    expect(text).toMatch(new RegExp(`^# ${number}\\. \\S`));
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual([
      'Context',
      'Decision',
      'Consequences',
    ]);
  });

  it('has the next number', () => {
    const numbers = DECISIONS.map((file) => Number(path.basename(file).slice(0, 4)));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

describe('the changelog', () => {
  it('tells users in three parts', () => {
    const headings = [...section(read('CHANGELOG.md'), '## Unreleased').matchAll(/^### (.+)$/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual(['Money and safety', 'Features', 'Internals']);
  });
});
