/** ARCHITECTURE.md says what the tree is like now. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FOLDERS, ROOT, read, section, tableRows } from './test-support.js';

const ARCHITECTURE = read('docs/ARCHITECTURE.md');
const [head = [], ...rows] = tableRows(section(ARCHITECTURE, '## Folders, and who may import whom'));
const OUTSIDE = new Set(['sandbox', 'bench', 'dev', 'deploy', 'docs', 'test']);

interface Import {
  /** Path from the root. */
  to: string;
  typesOnly: boolean;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|(?:^|\/)test-[^/]+$/.test(name))
    .map((name) => path.join(folder, name));
}

function importsOf(folder: string): Import[] {
  return sourcesOf(folder).flatMap((file) =>
    [...read(file).matchAll(/^(?:import|export)( type)?[^'"]*?from '(\.[^']+)'/gm)].map(([, type, to]) => ({
      to: path.join(path.dirname(file), to ?? ''),
      typesOnly: type !== undefined,
    })),
  );
}

/** What is wrong between what a cell allows and the imports that there are; null when they agree. */
function disagreement(cell: string, found: Import[]): string | null {
  if (cell === '' || cell === '.') return found.length === 0 ? null : `imports ${found[0]?.to ?? ''}`;
  if (cell === 'yes') return null;
  const stray = found.find(({ to, typesOnly }) =>
    cell === 'types' ? !typesOnly : path.basename(to) !== `${cell}.js`,
  );
  return stray === undefined ? null : `imports ${stray.to} where only "${cell}" is said`;
}

describe('the import matrix', () => {
  it('has a row for each folder of the product', () => {
    const described = rows.map(([first]) => /^`(\w+)\/`/.exec(first ?? '')?.[1] ?? '');
    expect(described.sort()).toEqual(FOLDERS.filter((name) => !OUTSIDE.has(name)).sort());
  });

  it.each(rows.map((row) => [/^`(\w+)\/`/.exec(row[0] ?? '')?.[1] ?? '', row] as const))(
    'allows %s what it imports',
    (folder, row) => {
      const imports = importsOf(folder).filter(({ to }) => !to.startsWith(`${folder}/`));
      const columns = head.slice(1);
      const wrong = columns.flatMap((column, index) => {
        const found = imports.filter(({ to }) => to.startsWith(`${column}/`) || to === `${column}.js`);
        const what = disagreement(row[index + 1] ?? '', found);
        return what === null ? [] : [`${folder} and ${column}: ${what}`];
      });
      const elsewhere = imports.filter(({ to }) => !columns.some((column) => to.startsWith(column)));
      expect([...wrong, ...elsewhere.map(({ to }) => `${folder}: imports ${to}`)]).toEqual([]);
    },
  );
});

describe('what a paid deal costs in history', () => {
  const text = section(ARCHITECTURE, '## One paid deal in Temporal');

  it('is the count that the flow test makes', () => {
    const counted = /'paid-and-released-by-time',[^}]*?events: (\d+)/.exec(
      read('test/support/paths.ts'),
    )?.[1];
    const numbers = tableRows(text)
      .slice(1)
      .map(([number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: Number(counted) }, (_, index) => index + 1));
    expect(text).toContain(`has ${counted} history events`);
  });
});
