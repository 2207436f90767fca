/**
 * S1 S2: every call of a dialect by every kind of caller, in both settings of LEGACY_AUTH. A call without a row
 * fails.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES, type Scope } from '../../commands/credentials.js';
import type { Db } from '../../db/client.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import type { Endpoint } from '../endpoint.js';
import { ADMIN_KEY, type TestApp, addPeople, startTestApp, testServices } from '../test-support.js';

const CALLERS = ['wrong', 'buyer', 'seller', 'stranger', 'operator', 'without', 'with', 'admin'] as const;
const TOKEN_FIELDS = ['accesstoken', 'accessToken', 'token'] as const;
/** alice buys, sally sells. */
const PEOPLE = { buyer: 'alice', seller: 'sally', stranger: 'bob', operator: 'oscar' };

export interface MatrixRow {
  /** Whose key is "with", and missing in "without". */
  scope: Scope;
  /** Without a credential: strict, documented. */
  nobody: [string, string];
  /** By CALLERS. `+`: the call was looked at, whatever came of it. */
  cells: string;
  body: () => object;
}

export const NOBODY = {
  documented: ['401', '+'],
  never: ['401', '401'],
  password: ['+', '+'],
} as const satisfies Record<string, MatrixRow['nobody']>;

/** Those who act for alice. */
export const FOR_ALICE = '401 + 403 403 403 403 + +';

export interface MatrixSpec {
  endpoints: readonly Endpoint[];
  /** Of every path, as it is declared. */
  prefix: string;
  /** The same as it is sent, where the declaration has a parameter in it. */
  sentPrefix?: string;
  rows: Record<string, MatrixRow>;
  /** What there has to be before. */
  arrange?: (db: Db, app: TestApp) => Promise<void>;
  /** What stands in a cell for an answer that is neither 401 nor 403. */
  cellOf?: (name: string, answer: Record<string, unknown>) => string;
  /** Whether a call takes a token of a party; those of operators are tried by headers alone. */
  takesTokens?: (row: MatrixRow) => boolean;
}

export interface OpenMatrix {
  apps: Record<'strict' | 'documented', TestApp>;
  credentials: Map<string, string>;
}

/** Declares the tests; `opened` is for those of a dialect alone, and holds while they run. */
export function testMatrix(spec: MatrixSpec): { opened: () => OpenMatrix } {
  let database: TestDatabase;
  let open: OpenMatrix;
  beforeAll(async () => {
    database = await freshDatabase();
    open = await openMatrix(database.db);
    await spec.arrange?.(database.db, open.apps.strict);
  });
  afterAll(async () => {
    await open.apps.strict.close();
    await open.apps.documented.close();
    await database.close();
  });

  it('have a row each', () => {
    const names = spec.endpoints.map(({ path }) => path.replace(spec.prefix, ''));
    expect(Object.keys(spec.rows).sort()).toEqual(names.sort());
  });

  describe.each(['strict', 'documented'] as const)('with LEGACY_AUTH=%s', (setting) => {
    it.each(Object.entries(spec.rows))('%s answers each caller as written down', async (name, row) => {
      const app = open.apps[setting];
      const found: Record<string, string> = { nobody: await cell(spec, app, name, row.body(), undefined) };
      for (const caller of CALLERS)
        found[caller] = await cell(spec, app, name, row.body(), await credentialOf(open, caller, row.scope));
      const written = row.cells.split(/\s+/).filter((one) => one !== '');
      const expected = Object.fromEntries(CALLERS.map((caller, at) => [caller, written[at]]));
      expect(found).toEqual({ nobody: row.nobody[setting === 'strict' ? 0 : 1], ...expected });
    });

    it.each(TOKEN_FIELDS)('S1 take a token in %s too, and never another party’s', async (where) => {
      const app = open.apps[setting];
      for (const [name, row] of Object.entries(spec.rows)) {
        if (spec.takesTokens?.(row) === false) continue;
        const withTokenOf = (caller: string) =>
          cell(spec, app, name, row.body(), open.credentials.get(caller), where);
        expect([name, await withTokenOf('buyer'), await withTokenOf('wrong')]).toEqual([name, '+', '401']);
      }
    });
  });
  return { opened: () => open };
}

async function openMatrix(db: Db): Promise<OpenMatrix> {
  const { config } = testServices(db).services;
  const start = (takesDocumentedCalls: boolean) =>
    startTestApp(db, { config: { ...config, takesDocumentedCalls } });
  const apps = { strict: await start(false), documented: await start(true) };
  await addPeople(apps.strict);
  const credentials = new Map([
    ['wrong', `hf_tok_${'x'.repeat(43)}`],
    ['admin', ADMIN_KEY],
  ]);
  for (const [caller, id] of Object.entries(PEOPLE)) {
    const minted = await apps.strict.admin('POST', `/v1/users/${id}/tokens`);
    credentials.set(caller, String(minted.json['accessToken']));
  }
  return { apps, credentials };
}

async function keyWith({ apps, credentials }: OpenMatrix, scopes: readonly Scope[]): Promise<string> {
  const name = scopes.join(' ');
  const known = credentials.get(name);
  if (known !== undefined) return known;
  const made = await apps.strict.admin('POST', '/v1/api-keys', { name: 'matrix', scopes });
  credentials.set(name, String(made.json['key']));
  return String(made.json['key']);
}

function credentialOf(
  open: OpenMatrix,
  caller: (typeof CALLERS)[number],
  scope: Scope,
): Promise<string> | string | undefined {
  if (caller === 'with') return keyWith(open, [scope]);
  if (caller === 'without')
    return keyWith(
      open,
      SCOPES.filter((one) => one !== scope && one !== 'admin' && one !== 'operate'),
    );
  return open.credentials.get(caller);
}

/** @param where the header, or the field that the document names */
async function cell(
  { endpoints, prefix, sentPrefix = prefix, cellOf }: MatrixSpec,
  app: TestApp,
  name: string,
  body: object,
  credential: string | undefined,
  where: 'header' | (typeof TOKEN_FIELDS)[number] = 'header',
): Promise<string> {
  const isInHeader = where === 'header' || credential === undefined;
  const fields = isInHeader ? body : { ...body, [where]: credential };
  const isQuery = endpoints.find(({ path }) => path === `${prefix}${name}`)?.method === 'get';
  const query = isQuery ? `?${new URLSearchParams({ ...fields }).toString()}` : '';
  const answer = await app.send(isQuery ? 'GET' : 'POST', `${sentPrefix}${name}${query}`, {
    ...(isInHeader && { as: credential }),
    ...(!isQuery && { body: fields }),
  });
  if (answer.status === 401 || answer.status === 403) return String(answer.status);
  return cellOf?.(name, answer.json) ?? '+';
}
