/** Bodies that nobody should send, to every route that reads one: 4xx in one shape, and nothing is changed. */
import { beforeAll, describe, expect, it } from 'vitest';
import { api, database } from '../../api/v1/test-support.js';
import { outcomeOf } from './problems.js';
import { ADMIN_KEY, type Sample, type Samples, eachTextReplaced, loadSamples } from './samples.js';
import { changingNothing } from './snapshot.js';

const LIMIT = 256 * 1024;
const JSON_TYPE = 'application/json';

/** What a body is, and what it is sent as. */
type Body = readonly [what: string, raw: string | Uint8Array, type?: string];

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array =>
  new Uint8Array(Buffer.from(text, encoding));
const padded = (length: number): string => `{"unknown":"${'x'.repeat(length - '{"unknown":""}'.length)}"}`;

/** Refused before any route's schema sees them. */
const UNREADABLE: readonly Body[] = [
  ['bytes that are no UTF-8', bytes('{"a":"ÿ"}', 'latin1')],
  ['UTF-16', bytes('{"a":1}', 'utf16le')],
  ['broken JSON', '{"a":'],
  ['two values', '{}{}'],
  ['JavaScript', '{a:1}'],
  ['single quotes', "{'a':1}"],
  ['a comment', '{}//'],
  ['a trailing comma', '{"a":1,}'],
  ['NaN', '{"a":NaN}'],
  ['Infinity', '{"a":-Infinity}'],
  ['a hex number', '{"a":0x10}'],
  ['a leading zero', '{"a":01}'],
  ['a raw line break in a text', '{"a":"\n"}'],
  ['100,000 lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['40,000 objects', `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
  ['100,000 lists that never end', '['.repeat(100_000)],
  ['__proto__', '{"__proto__":{"role":"operator"}}'],
  ['__proto__ in escapes', String.raw`{"\u005f\u005fproto__":{}}`],
  ['constructor', '{"unknown":[{"constructor":{}}]}'],
  ['prototype', '{"unknown":{"prototype":null}}'],
  ['a name twice', '{"amount":1,"amount":100000}'],
  ['a name twice, once in escapes', String.raw`{"amount":1,"am\u006funt":2}`],
  ['a name twice, inside', '{"unknown":[{},{"a":{"b":1,"b":1}}]}'],
  ['__proto__ in a form', '__proto__=1', 'application/x-www-form-urlencoded'],
  ['a form with malformed percent-encoding', 'a=%E0%A4%A', 'application/x-www-form-urlencoded'],
  ['plain text', '{}', 'text/plain'],
  ['XML', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 'application/xml'],
  ['a multipart form', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'],
  ['a charset of its own', '{}', 'application/json; charset=utf-7'],
  ['a type that only looks like JSON', '{}', 'application/json-seq'],
];

/** Readable, and no object. */
const NO_OBJECTS: readonly Body[] = [
  ['a list', '[]'],
  ['a list of objects', '[{"reason":"because"}]'],
  ['null', 'null'],
  ['a text', '"{}"'],
  ['a number', '1'],
  ['true', 'true'],
];

/** Characters that PostgreSQL cannot store, or that are none. */
const UNSOUND = [
  ['NUL', 'a\u0000b'],
  ['half a character', 'a\ud83d'],
  ['the other half', '\ude00a'],
] as const;

let samples: Samples;

beforeAll(async () => {
  samples = await loadSamples(api, database.db);
});

async function send({ method, path }: Sample, [, raw, type = JSON_TYPE]: Body): Promise<string> {
  const headers = { 'content-type': type };
  return outcomeOf(await api.send(method, path, { as: ADMIN_KEY, raw, headers }));
}

/** Sends each of them to one route. @returns what was answered otherwise than expected */
async function exceptions(route: string, bodies: readonly Body[], expected: string): Promise<string[]> {
  const found: string[] = [];
  for (const body of bodies) {
    const outcome = await send(samples.of(route), body);
    if (outcome !== expected) found.push(`${route}: ${body[0]}: ${outcome}`);
  }
  return found;
}

function everyRoute(work: (route: string) => Promise<string[]>): Promise<void> {
  return changingNothing(database.db, async () => {
    const found: string[] = [];
    for (const route of samples.routes) found.push(...(await work(route)));
    expect(found).toEqual([]);
  });
}

describe('a body that cannot be read', () => {
  it('is 400 at every route, and nothing is changed', () =>
    everyRoute((route) => exceptions(route, UNREADABLE, '400 invalid_request')));

  it('and is larger than 256 KiB is 413, though it be nothing but a field that nobody knows', () =>
    everyRoute((route) => exceptions(route, [['too large', padded(LIMIT + 1)]], '413 payload_too_large')));

  it('however deep it is, is refused at once', async () => {
    const startedAt = performance.now();
    for (let n = 0; n < 20; n++) await exceptions('POST /v1/orders', UNREADABLE.slice(13, 16), '');
    expect((performance.now() - startedAt) / 60).toBeLessThan(50);
  });
});

describe('a body that is no object', () => {
  it('is 400 at every route that reads one', () =>
    everyRoute((route) =>
      samples.of(route).body === undefined
        ? Promise.resolve([])
        : exceptions(route, NO_OBJECTS, '400 invalid_request'),
    ));
});

describe('a text that cannot be stored', () => {
  it.each(UNSOUND)('%s is 400 in every text of every route', (what, text) =>
    everyRoute((route) => {
      const bodies = eachTextReplaced(samples.of(route).body, text).map(({ at, value }): Body => [
        `${what} in ${at}`,
        JSON.stringify(value),
      ]);
      return exceptions(route, bodies, '400 invalid_request');
    }),
  );

  it('is 400 in paths and queries too', () =>
    changingNothing(database.db, async () => {
      for (const path of [
        '/v1/users/%00',
        '/v1/orders/%00',
        '/v1/settings/%00',
        '/v1/orders?buyerId=%00',
        '/v1/sms?mobile=%00',
        '/v1/settings?cursor=%00',
        '/v1/settings?cursor=IgAi',
        '/v1/orders?cursor=%F0%9F',
        '/v1/users/%ED%A0%80',
      ]) {
        expect({ path, outcome: outcomeOf(await api.admin('GET', path)) }).toEqual({
          path,
          outcome: '400 invalid_request',
        });
      }
    }));
});

describe('a text that is read as JSON', () => {
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

  it.each([
    ['a nextAction', { nextAction: deep(8_000) }],
    ['a nextAction that never ends', { nextAction: '['.repeat(16_000) }],
    ['a nextAction inside a nextAction', { nextAction: `${'{type:2,nextAction:'.repeat(700)}1` }],
    [
      'values of a template',
      { nextAction: { type: 2, smsId: 1, mobile: '13500000000', postJsonString: deep(9_000) } },
    ],
  ])('%s, is refused too', (_what, change) =>
    changingNothing(database.db, async () => {
      const { path, body } = samples.of('POST /v1/orders');
      const startedAt = performance.now();
      const outcome = outcomeOf(await api.admin('POST', path, { ...body, ...change }));
      expect(['400 invalid_request', '400 invalid_next_action']).toContain(outcome);
      expect(performance.now() - startedAt).toBeLessThan(500);
    }),
  );
});
