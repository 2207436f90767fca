import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { ADMIN_KEY, type SendOptions, type TestApp, startTestApp } from './test-support.js';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

function putUser(options: SendOptions) {
  return api.send('PUT', '/v1/users/alice', { as: ADMIN_KEY, ...options });
}

function putJson(raw: string | Uint8Array) {
  return putUser({ raw, headers: JSON_TYPE });
}

describe('a body that is not valid answers 400 and names the field', () => {
  it.each([
    ['a missing field', '{}', 'name'],
    ['a field of the wrong type', '{"name":1}', 'name'],
    ['an array where an object is meant', '[]', ''],
    ['an array where an object is meant, inside', '{"name":"a","profile":[1]}', 'profile'],
    ['an object where an array is meant', '{"name":"a","skills":{}}', 'skills'],
    ['a text where an object is meant', '"name"', ''],
    ['null', 'null', ''],
    ['an unknown word', '{"name":"a","role":"king"}', 'role'],
    ['a short password', '{"name":"a","payPassword":"12345"}', 'payPassword'],
    ['a long password', `{"name":"a","payPassword":"${'x'.repeat(65)}"}`, 'payPassword'],
    ['no password hash', '{"name":"a","payPasswordHash":"plain"}', 'payPasswordHash'],
    [
      'a password beside a hash',
      `{"name":"a","payPassword":"123456","payPasswordHash":"$2a$10$${'a'.repeat(53)}"}`,
      'payPasswordHash',
    ],
    ['__proto__', '{"name":"a","__proto__":{"role":"operator"}}', '__proto__'],
    ['constructor, inside', '{"name":"a","profile":{"constructor":{}}}', 'profile.constructor'],
    ['a name twice', '{"name":"a","profile":{"x":[{"n":1,"n":2}]}}', 'profile.x.0.n'],
    ['NUL in a text', '{"name":"a\\u0000b"}', 'name'],
    ['NUL in a name', '{"name":"a","profile":{"a\\u0000":1}}', 'profile'],
    ['half a character', '{"name":"\\ud800"}', 'name'],
    ['a number that is not exact', '{"name":"a","profile":{"n":1e21}}', 'profile.n'],
    ['a number with too many digits', '{"name":"a","profile":{"n":9007199254740993}}', 'profile.n'],
    ['an infinite number', '{"name":"a","profile":{"n":1e999}}', 'profile.n'],
    ['nothing but a byte order mark', '\ufeff{"name":"a"}x', ''],
  ])('%s', async (_what, raw, field) => {
    const answer = await putJson(raw);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ code: 'invalid_request', in: 'body', field });
  });

  it('brackets inside of texts are no levels', async () => {
    const answer = await putUser({ body: { name: 'a', avatar: `"\\${'['.repeat(500)}` } });
    expect(answer.status).toBe(200);
  });
});

describe('what is read', () => {
  it('ignores unknown fields, whatever they hold', async () => {
    const answer = await putJson('{"name":"a","isAdmin":true,"n":1e300,"t":"\\u0000"}');
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('isAdmin');
  });

  it('reads a form like JSON: numbers, lists and objects by what the field is', async () => {
    const user = await putUser({
      raw: 'name=%E6%9D%8E+%E9%9B%B7&skills=guitar&skills=piano&profile=%7B%22cardNo%22%3A%227%22%7D',
      headers: FORM_TYPE,
    });
    expect(user.json).toMatchObject({ name: '李 雷', skills: ['guitar', 'piano'], profile: { cardNo: '7' } });
    const thing = await api.send('PUT', '/v1/catalog/shop-orders/6', {
      as: ADMIN_KEY,
      raw: 'userId=alice&amount=1230&title=tea',
      headers: FORM_TYPE,
    });
    expect(thing.json).toMatchObject({ amount: 1230, title: 'tea' });
  });

  it.each([
    ['no content type', {}],
    ['plain text', { 'content-type': 'text/plain' }],
    ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another charset', { 'content-type': 'application/json; charset=gbk' }],
    ['a compressed body', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ])('refuses %s', async (_what, headers) => {
    const raw = new TextEncoder().encode('{"name":"a"}');
    const answer = await putUser({ raw, headers });
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: 'invalid_request', in: 'header' });
  });

  it.each(['application/json', 'Application/JSON; Charset=UTF-8', 'application/problem+json'])(
    'reads %s',
    async (type) => {
      expect((await putUser({ raw: '{"name":"a"}', headers: { 'content-type': type } })).status).toBe(200);
    },
  );
});

describe('limits', () => {
  const body = (bytes: number): string => {
    const around = '{"name":"a","unknown":""}';
    return `${around.slice(0, -2)}${'x'.repeat(bytes - around.length)}"}`;
  };

  it('takes a body of 256 KiB, and answers 413 to one byte more', async () => {
    expect((await putJson(body(262_144))).status).toBe(200);
    const answer = await putJson(body(262_145));
    expect(answer.status).toBe(413);
    expect(answer.json['code']).toBe('payload_too_large');
  });

  it('answers 413 also where the length was not announced', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        `${api.url}/v1/users/alice`,
        {
          method: 'PUT',
          headers: { ...JSON_TYPE, authorization: `Bearer ${ADMIN_KEY}`, 'transfer-encoding': 'chunked' },
        },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      request.on('error', reject);
      request.end(body(300_000));
    });
    expect(status).toBe(413);
  });
});

describe('paths and queries', () => {
  it.each([
    ['/V1/users/alice', 404],
    ['/v1/users/alice/', 404],
    ['/v1//users/alice', 404],
    ['/v1/nothing', 404],
    ['/v1/catalog/unheard-of/1', 404],
    ['/', 404],
    ['/v1/users/%zz', 400],
    ['/v1/users/%E0%A4%A', 400],
    ['/v1/users/a%20b', 400],
    ['/v1/users/a%00b', 400],
    [`/v1/users/${'a'.repeat(65)}`, 400],
    ['/v1/catalog/shop-orders/OD123', 400],
    ['/v1/settings?limit=0', 400],
    ['/v1/settings?limit=101', 400],
    ['/v1/settings?limit=ten', 400],
    ['/v1/settings?limit=1&limit=2', 400],
    ['/v1/settings?limit=%zz', 400],
    ['/v1/settings?cursor=rubbish', 400],
    ['/v1/settings?cursor=', 400],
    ['/v1/settings?limit[]=1', 200],
    ['/v1/settings?limit=1&unknown=1', 200],
  ])('%s answers %i', async (path, status) => {
    const answer = await api.admin('GET', path);
    expect(answer.status).toBe(status);
    if (status >= 400) expect(answer.json).toMatchObject({ status, requestId: expect.any(String) });
  });

  it('says which methods a known path has', async () => {
    const answer = await api.admin('PATCH', '/v1/users/alice');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('PUT, GET, HEAD');
    expect(answer.json['code']).toBe('method_not_allowed');
  });
});
