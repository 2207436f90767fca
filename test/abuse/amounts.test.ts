/** M2, S5: what is no amount, at every place that takes one. */
import { errorShapeAt } from '../../api/dialects/index.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { api, database } from '../../api/v1/test-support.js';
import { outcomeOf } from './problems.js';
import { CATALOG_SAMPLES } from '../../api/test-catalog.js';
import { ADMIN_KEY, loadSamples } from './samples.js';
import { changingNothing } from './snapshot.js';

/** As it stands in JSON. */
const NO_AMOUNTS: readonly [what: string, json: string][] = [
  ['less than nothing', '-1'],
  ['a fraction', '1.5'],
  ['the smallest fraction', '0.01'],
  ['a very small fraction', '1e-7'],
  ['1e21', '1e21'],
  ['2^53', '9007199254740992'],
  ['2^53 + 1', '9007199254740993'],
  ['a number beyond all', '1e999'],
  ['a fen more than 100,000,000 yuan', '10000000001'],
  ['NaN', 'NaN'],
  ['a text', '"1"'],
  ['no text', '""'],
  ['hex', '"0x10"'],
  ['yuan', '"1.00"'],
  ['full-width digits', '"１２"'],
  ['Arabic digits', '"١٢"'],
  ['true', 'true'],
  ['a list', '[]'],
  ['a list of one', '[1]'],
  ['an object', '{}'],
  ['an object that looks like a number', '{"valueOf":1}'],
  ['null', 'null'],
];
const ZEROS: readonly [what: string, json: string][] = [
  ['nothing', '0'],
  ['nothing with a point', '0.0'],
  ['nothing with a sign', '-0'],
];
/** As it stands in a form, percent-encoded. */
const NO_AMOUNTS_IN_A_FORM: readonly [what: string, sent: string][] = [
  ['no digits', ''],
  ['hex', '0x10'],
  ['octal', '0o17'],
  ['an exponent', '1e3'],
  ['a plus', '%2B1'],
  ['a minus', '-1'],
  ['a leading zero', '007'],
  ['a space', '%201'],
  ['a fraction', '1.5'],
  ['a separator', '1_000'],
  ['a comma', '1%2C000'],
  ['full-width digits', '%EF%BC%91%EF%BC%92'],
  ['2^53 + 1', '9007199254740993'],
  ['a word', 'Infinity'],
  ['an object', '%7B%7D'],
];

interface Schema {
  $ref?: string;
  properties?: object;
}

interface Document {
  paths: Record<
    string,
    Record<string, { requestBody?: { content: { 'application/json': { schema: Schema } } } }>
  >;
  components: { schemas: Record<string, Schema> };
}

interface Door {
  route: string;
  path: string;
  /** Everything but the amount. */
  rest: Readonly<Record<string, unknown>>;
  field: string;
  /** Where nothing is an amount too. */
  free?: boolean;
}

/** Fields of the catalogue that are fen; some things may be free. */
const AMOUNTS = [
  { field: 'amount', free: false },
  { field: 'price', free: true },
  { field: 'amountOff', free: false },
  { field: 'minSpend', free: true },
];

let doors: readonly Door[];

beforeAll(async () => {
  const samples = await loadSamples(api, database.db);
  const door = (route: string, field: string, change: Partial<Door> = {}): Door => {
    const { path, body = {} } = samples.of(route);
    const { [field]: _, ...rest } = body;
    return { route, path, rest, field, ...change };
  };
  const settings = ['price.blindBoxPull', 'fee.platformBps', 'limit.withdrawal.max'];
  const deal = door('POST /v1/orders', 'amount');
  const { sellerId: _, chatId: _chat, chatWindow: _window, ...own } = deal.rest;
  doors = [
    { ...deal, free: true },
    { ...deal, rest: { ...own, kind: 'topup', nextAction: null } },
    door('POST /v1/orders/{id}/refunds', 'amount'),
    ...Object.entries(CATALOG_SAMPLES).flatMap(([name, body]) =>
      AMOUNTS.filter(({ field }) => field in body).map(({ field, free }) =>
        door(`PUT /v1/catalog/${name}/{id}`, field, { free }),
      ),
    ),
    door('POST /v1/withdrawals', 'amount'),
    ...settings.map((key) =>
      door('PUT /v1/settings/{key}', 'value', { path: `/v1/settings/${key}`, free: true }),
    ),
  ];
});

async function accepted(raw: (door: Door) => string | undefined, type: string): Promise<string[]> {
  const found: string[] = [];
  for (const door of doors) {
    const body = raw(door);
    if (body === undefined) continue;
    const method = door.route.split(' ')[0] ?? '';
    const answer = await api.send(method, door.path, {
      as: ADMIN_KEY,
      raw: body,
      headers: { 'content-type': type },
    });
    const outcome = outcomeOf(answer);
    if (outcome !== '400 invalid_request' && outcome !== '400 invalid_amount') {
      found.push(`${door.path}: ${outcome}`);
    }
  }
  return found;
}

function inJson({ rest, field }: Door, literal: string): string {
  return `{${JSON.stringify(field)}:${literal},${JSON.stringify(rest).slice(1)}`;
}

function inForm({ rest, field }: Door, sent: string): string {
  const others = Object.entries(rest).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return `${new URLSearchParams(others).toString()}&${field}=${sent}`;
}

describe('what is no amount is refused at every place, and nothing is changed', () => {
  it('M2 which are all of those that the API documents', async () => {
    const document = (await api.send('GET', '/openapi.json')).json as unknown as Document;
    // Dialects refuse in shapes of their own: theirs are looked at in tests of their own.
    const native = Object.entries(document.paths).filter(([path]) => errorShapeAt(path) === undefined);
    const documented = native.flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        const { $ref, properties } = requestBody?.content['application/json'].schema ?? {};
        const named =
          $ref === undefined ? undefined : document.components.schemas[$ref.split('/').at(-1) ?? ''];
        const fields = Object.keys(properties ?? named?.properties ?? {});
        return fields.some((field) => /amount|price|fee|fen$/i.test(field))
          ? [`${method.toUpperCase()} ${path}`]
          : [];
      }),
    );
    const known = doors.map(({ route }) => route).filter((route) => route !== 'PUT /v1/settings/{key}');
    expect(documented.sort()).toEqual([...new Set(known)].sort());
  });

  it.each(NO_AMOUNTS)('M2 %s: %s', (_what, literal) =>
    changingNothing(database.db, async () => {
      expect(await accepted((door) => inJson(door, literal), 'application/json')).toEqual([]);
    }),
  );

  it.each(ZEROS)('M2 %s (%s), where nothing cannot be paid', (_what, literal) =>
    changingNothing(database.db, async () => {
      const raw = (door: Door) => (door.free === true ? undefined : inJson(door, literal));
      expect(await accepted(raw, 'application/json')).toEqual([]);
    }),
  );

  it.each(NO_AMOUNTS_IN_A_FORM)('M2 in a form, %s: %j', (_what, sent) =>
    changingNothing(database.db, async () => {
      const type = 'application/x-www-form-urlencoded';
      expect(await accepted((door) => inForm(door, sent), type)).toEqual([]);
    }),
  );

  it('M2 twice, in a form', () =>
    changingNothing(database.db, async () => {
      const type = 'application/x-www-form-urlencoded';
      expect(await accepted((door) => inForm(door, `1&${door.field}=2`), type)).toEqual([]);
    }));
});

it('M2 what is one is taken as it was written: 1e2 and 100.0 are 100 fen', async () => {
  const [deal] = doors;
  if (deal === undefined) throw new Error('there are no doors');
  for (const literal of ['100', '1e2', '100.0', '1E+2']) {
    const answer = await api.send('POST', deal.path, {
      as: ADMIN_KEY,
      raw: inJson(deal, literal),
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.json).toMatchObject({ amount: 100, status: 'unpaid' });
  }
});
