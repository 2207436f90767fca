/** The layout of docs/ARCHITECTURE.md as a test. Each message says what to do. */
import { describe, expect, it } from 'vitest';
import {
  type Source,
  importsOf,
  isTest,
  readSources,
  resolveImport,
  withoutComments,
} from './support/sources.js';

/**
 * What a folder of the product may import, by folder or by file. `npm:` lists packages where they are limited;
 * `types:` allows `import type` alone.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: ['npm:zod'],
  workflows: ['domain', 'types:activities', 'npm:@temporalio/workflow', 'npm:@temporalio/common'],
  activities: [
    'domain',
    'ledger',
    'channels',
    'outgoing',
    'db',
    'temporal/key-ring',
    'relay',
    'crash-points',
  ],
  ledger: ['domain', 'db', 'crash-points'],
  channels: ['domain'],
  outgoing: ['domain'],
  db: ['domain'],
  temporal: ['workflows/contract'],
  relay: ['domain', 'db', 'ledger', 'channels', 'outgoing', 'temporal', 'workflows/contract', 'crash-points'],
  commands: [
    'domain',
    // What is paid for in the transaction that makes its order.
    'activities/next-actions/at-once',
    'db',
    'ledger',
    'channels',
    'outgoing',
    'relay',
    'temporal',
    'workflows/contract',
    'crash-points',
  ],
  api: [
    'domain',
    'commands',
    'db',
    'ledger',
    'channels',
    'relay',
    'temporal',
    'workflows/contract',
    'config',
    'crash-points',
  ],
  worker: [
    'domain',
    'activities',
    'channels',
    'outgoing',
    'db',
    'relay',
    'temporal',
    'workflows/contract',
    'config',
    'crash-points',
  ],
  config: ['domain', 'types:channels', 'crash-points'],
  // How tests end a process at a place they name.
  'crash-points': [],
  // The providers' side: the product knows it by its addresses and keys alone, and so does it the product.
  sandbox: [],
  console: [],
};

/** Programs: they read the configuration and wire the parts, so they may know it. */
const PROGRAMS: Record<string, readonly string[]> = { 'db/migrate.ts': ['config'] };

const EDGE_OF_FILES = 300;
const MAY_READ_ENVIRONMENT = /^(?:config\.ts|sandbox\/config\.ts|dev\/|deploy\/|bench\/|[^/]*\.config\.ts)/;

const sources = readSources();
const product = sources.filter(({ file }) => !isTest(file));

const folderOf = (file: string): string => file.replace(/\.m?[jt]s$/, '').split('/')[0] ?? '';
const packageOf = (from: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? from;

function allows(allowed: readonly string[], target: string, typeOnly: boolean): boolean {
  const names = [folderOf(target), target.replace(/\.m?[jt]s$/, '')];
  return names.some((name) => allowed.includes(name) || (typeOnly && allowed.includes(`types:${name}`)));
}

/** @returns what is wrong with one file's imports, with the way out */
export function importFaults({ file, code }: Pick<Source, 'file' | 'code'>): string[] {
  const folder = folderOf(file);
  const rules = MAY_IMPORT[folder];
  if (rules === undefined) return [];
  const allowed = [...rules, ...(PROGRAMS[file] ?? [])];
  const packages = allowed.filter((name) => name.startsWith('npm:')).map((name) => name.slice(4));
  return importsOf(code).flatMap(({ from, typeOnly }) => {
    const target = resolveImport(file, from);
    if (target === undefined) {
      return packages.length === 0 || packages.includes(packageOf(from))
        ? []
        : [
            `${file} imports ${from}: ${folder}/ may import only ${packages.join(', ')}. Pass the value in instead.`,
          ];
    }
    if (folderOf(target) === folder || allows(allowed, target, typeOnly)) return [];
    const may = allowed.filter((name) => !name.startsWith('npm:')).join(', ') || 'no other folder';
    return [
      `${file} imports ${target}: ${folder}/ may import ${may}. Move the code to the folder whose verb it is.`,
    ];
  });
}

/** @returns one line per place where the pattern stands */
function places(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ file, code }) =>
    code
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [])),
  );
}

describe('the layout', () => {
  it('has a rule for every folder of the product', () => {
    const outside = ['dev', 'deploy', 'bench', 'docs', 'test'];
    const folders = new Set(product.map(({ file }) => folderOf(file)));
    const unknown = [...folders].filter((folder) => !(folder in MAY_IMPORT) && !outside.includes(folder));
    const configs = new Set(
      product.filter(({ file }) => /^[^/]*\.config\.ts$/.test(file)).map(({ file }) => folderOf(file)),
    );
    expect(unknown.filter((folder) => !configs.has(folder))).toEqual([]);
  });

  it('is kept: each folder imports only what its verb needs', () => {
    expect(product.flatMap(importFaults)).toEqual([]);
  });

  it('has nobody import api or worker, or the sandbox', () => {
    const faults = product.flatMap(({ file, code }) =>
      importsOf(code).flatMap(({ from }) => {
        const target = folderOf(resolveImport(file, from) ?? '');
        const isForbidden = ['api', 'worker', 'sandbox'].includes(target) && target !== folderOf(file);
        return isForbidden
          ? [`${file} imports ${from}: ${target}/ is a program. Talk to it over its port.`]
          : [];
      }),
    );
    expect(faults).toEqual([]);
  });

  it('keeps every file short enough to be read in one go', () => {
    const long = sources
      .filter(({ file, lines }) => lines > EDGE_OF_FILES && !file.startsWith('db/migrations/'))
      .map(
        ({ file, lines }) => `${file} has ${lines} lines, over ${EDGE_OF_FILES}. Split it by what it does.`,
      );
    expect(long).toEqual([]);
  });
});

describe('the rules of the house', () => {
  it('only config.ts reads the environment', () => {
    const others = product.filter(({ file }) => !MAY_READ_ENVIRONMENT.test(file));
    expect(
      places(others, /\bprocess\.(?:env|loadEnvFile)\b/),
      'add a variable to config.ts and pass it in',
    ).toEqual([]);
  });

  it('M2 only domain/money.ts knows yuan: no parseFloat and no toFixed elsewhere', () => {
    const others = product.filter(({ file }) => file !== 'domain/money.ts');
    expect(
      places(others, /\b(?:parseFloat|toFixed)\b/),
      'use fromYuan and toYuan of domain/money.ts',
    ).toEqual([]);
  });

  it('M2 only ledger/ touches the ledger’s tables', () => {
    const others = product.filter(
      ({ file }) => !/^(?:ledger|bench|db\/(?:schema|tables|migrations))\b/.test(file),
    );
    const names = others.flatMap(({ file, code }) =>
      [...code.matchAll(/import\s+\{([^}]*)\}\s+from\s+'[^']*schema\.js'/g)].flatMap(([, list = '']) =>
        list
          .split(',')
          .map((name) => name.trim())
          .filter((name) => /^(?:postings|entries|balances)\b/.test(name))
          .map((name) => `${file} imports ${name}`),
      ),
    );
    const inSql = places(
      others,
      /\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:postings|entries|balances)\b|\bledger_\w+\s*\(/i,
    );
    expect([...names, ...inSql], 'call ledger/post.ts or ledger/balances.ts').toEqual([]);
  });

  it('T3 the domain and the workflows ask for no time, no chance and nothing of Node', () => {
    const asks =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|from ['"]node:|\bprocess\b|\brequire\(/;
    const domain = product.filter(({ file }) => file.startsWith('domain/'));
    expect(places(domain, asks), 'take the time or the value as a parameter').toEqual([]);
    // A workflow's own Date.now() is Temporal's, which replays.
    const workflows = product.filter(({ file }) => file.startsWith('workflows/'));
    expect(
      places(workflows, /from ['"]node:|\bprocess\b|\brequire\(/),
      'that belongs in an activity',
    ).toEqual([]);
  });

  it('T3 workflows see activities as types alone', () => {
    const workflows = product.filter(({ file }) => file.startsWith('workflows/'));
    const values = workflows.flatMap(({ file, code }) =>
      importsOf(code)
        .filter(({ from, typeOnly }) => from.includes('activities/') && !typeOnly)
        .map(() => file),
    );
    expect(values, 'write `import type`: the bundler takes a value import without a word').toEqual([]);
  });

  it('S7 secrets and signatures are compared in constant time, by crypto alone', () => {
    const compares =
      /\b\w*(?:[sS]ecret|[sS]ignature|[dD]igest|[hH]mac|[pP]assword|[tT]oken|[kK]eyHash)\b\s*[!=]==?(?!=|\s*(?:undefined|null|''))/;
    expect(
      places(
        product.filter(({ file }) =>
          /^(?:api|channels|commands|outgoing|relay|sandbox|temporal)\//.test(file),
        ),
        compares,
      ),
      'use timingSafeEqual, or let the library verify',
    ).toEqual([]);
    const callers = product.find(({ file }) => file === 'api/callers.ts');
    expect(callers?.code).toContain('timingSafeEqual(');
  });

  it('nothing is left for later, and nothing is switched off', () => {
    // In brackets, so that this line is none of them.
    const marks = /TO[D]O|FIX[M]E|@ts-[i]gnore|@ts-[n]ocheck|(?:es|ox)lint-[d]isable/;
    const found = sources.flatMap(({ file, text }) => (marks.test(text) ? [file] : []));
    expect(found).toEqual([]);
  });
});

describe('this test can fail', () => {
  it.each([
    ['ledger/x.ts', "import { a } from '../api/y.js';", 'api/y.js'],
    ['domain/x.ts', "import { readFile } from 'node:fs';", 'node:fs'],
    ['domain/x.ts', "export * from '../db/schema.js';", 'db/schema.js'],
    ['workflows/x.ts', "import { post } from '../activities/payments.js';", 'activities/payments.js'],
    ['workflows/x.ts', "import { type A } from '../activities/payments.js';", 'activities/payments.js'],
    ['workflows/x.ts', "const a = await import('../db/client.js');", 'db/client.js'],
    ['relay/x.ts', "import { order } from '../workflows/order.js';", 'workflows/order.js'],
    ['api/v1/x.ts', "import {\n  a,\n  b,\n} from '../../activities/index.js';", 'activities/index.js'],
    ['sandbox/x.ts', "import '../domain/money.js';", 'domain/money.js'],
    ['db/orders.ts', "import { readConfig } from '../config.js';", 'config.js'],
  ])('%s may not hold %s', (file, code, named) => {
    expect(importFaults({ file, code })).toEqual([expect.stringContaining(named)]);
  });

  it.each([
    ['workflows/x.ts', "import type { A } from '../activities/payments.js';"],
    ['relay/x.ts', "import { order } from '../workflows/contract.js';"],
    ['domain/x.ts', "import { z } from 'zod';\nimport { fen } from './money.js';"],
    ['db/migrate.ts', "import { readConfig } from '../config.js';"],
    ['ledger/x.ts', withoutComments("// import { a } from '../api/y.js';\n/* import '../api/z.js'; */")],
  ])('%s may hold %s', (file, code) => {
    expect(importFaults({ file, code })).toEqual([]);
  });

  it('takes nothing inside a string for a comment', () => {
    const code = "const url = 'http://x'; // gone\nconst t = `a // b`; /* gone */ const r = /[/]/.test(url);";
    expect(withoutComments(code)).not.toContain('gone');
    expect(withoutComments(code)).toContain("'http://x'");
    expect(withoutComments(code)).toContain('`a // b`');
  });

  it('reads the whole project', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(product.some(({ file }) => file === 'workflows/order.ts')).toBe(true);
    expect(isTest('workflows/order.ts')).toBe(false);
  });
});
