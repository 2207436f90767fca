/** S4 Temporal's UI and command line see what is sealed only by way of this codec, and only for operators. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTemporal } from '../dev/temporal.mjs';
import { payloadCodec } from '../temporal/codec.js';
import { dataConverterOf } from '../temporal/connect.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type TestApp, ADMIN_KEY, addPeople, startTestApp, testServices } from './test-support.js';

const OLD = 'a'.repeat(64);
const NEW = 'b'.repeat(64);
const LOST = 'c'.repeat(64);
const SECRET = '13500000000';
const UI = 'http://127.0.0.1:8233';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  const { config } = testServices(database.db).services;
  const temporal = { ...config.temporal, payloadKey: `${NEW},${OLD}` };
  api = await startTestApp(database.db, { config: { ...config, temporal, corsOrigins: [UI] } });
  await addPeople(api);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(SECRET)) };

interface Json {
  metadata: Record<string, string>;
  data: string;
}

async function call(verb: 'encode' | 'decode', payloads: Json[]): Promise<Json[]> {
  const answer = await api.admin('POST', `/codec/${verb}`, { payloads }, { 'x-namespace': 'default' });
  expect(answer.status).toBe(200);
  return answer.json['payloads'] as Json[];
}

/** As workers seal, in protobuf's JSON. */
async function sealedWith(key: string): Promise<Json> {
  const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(`"${SECRET}"`) };
  const [sealed] = await payloadCodec(key).encode([payload]);
  return {
    metadata: Object.fromEntries(
      Object.entries(sealed?.metadata ?? {}).map(([name, value]) => [
        name,
        Buffer.from(value).toString('base64'),
      ]),
    ),
    data: Buffer.from(sealed?.data ?? []).toString('base64'),
  };
}

describe('S4 the codec', () => {
  it('seals with the first key, and opens what it sealed', async () => {
    const [sealed] = await call('encode', [PLAIN]);
    expect(Buffer.from(sealed?.metadata['encoding'] ?? '', 'base64').toString()).toBe('binary/encrypted');
    expect(Buffer.from(sealed?.data ?? '', 'base64').includes(SECRET)).toBe(false);
    expect(await call('decode', sealed === undefined ? [] : [sealed])).toEqual([PLAIN]);
  });

  it('opens what an old key sealed, and leaves what is not sealed as it is, in their order', async () => {
    const sent = [await sealedWith(OLD), PLAIN, await sealedWith(NEW)];
    expect(await call('decode', sent)).toEqual([PLAIN, PLAIN, PLAIN]);
    expect(await call('decode', [])).toEqual([]);
  });

  it('says which key is missing, and nothing of the payload', async () => {
    const answer = await api.admin('POST', '/codec/decode', { payloads: [await sealedWith(LOST)] });
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    expect(answer.text).toMatch(/sealed with key [0-9a-f]{8}, which PAYLOAD_KEY does not hold/);
  });

  it.each([
    [
      'that was changed',
      async () => ({ payloads: [{ ...(await sealedWith(NEW)), data: base64('x'.repeat(60)) }] }),
    ],
    ['that was cut', async () => ({ payloads: [{ ...(await sealedWith(NEW)), data: base64('short') }] })],
    ['that is no base64', async () => ({ payloads: [{ ...PLAIN, data: '{"a":1}' }] })],
    ['that is a list', async () => ({ payloads: [[]] })],
  ])('refuses a payload %s with 400', async (_title, body) => {
    const answer = await api.admin('POST', '/codec/decode', await body());
    expect([answer.status, answer.json['code']]).toEqual([400, 'invalid_request']);
  });

  it('never logs a payload, neither open nor sealed', async () => {
    const sealed = await sealedWith(OLD);
    await call('decode', [sealed]);
    await call('encode', [PLAIN]);
    await api.admin('POST', '/codec/decode', { payloads: [{ ...sealed, data: PLAIN.data }] });
    for (const text of [SECRET, PLAIN.data, sealed.data]) expect(api.logs()).not.toContain(text);
    expect(api.logs()).toContain('/codec/decode');
  });

  it('lets the UI’s origin in, with the headers that it sends, and no other', async () => {
    const preflight = (origin: string) =>
      api.send('OPTIONS', '/codec/decode', {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,x-namespace',
        },
      });
    const { status, headers } = await preflight(UI);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, UI]);
    expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type,x-namespace');
    expect((await preflight('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is open to operators by key and by token, and to nobody else', async () => {
    const token = async (user: string): Promise<string> =>
      String((await api.admin('POST', `/v1/users/${user}/tokens`)).json['accessToken']);
    const key = async (scope: string): Promise<string> =>
      String((await api.admin('POST', '/v1/api-keys', { name: scope, scopes: [scope] })).json['key']);
    const callers = [
      undefined,
      await token('alice'),
      await key('orders'),
      await token('oscar'),
      await key('operate'),
    ];
    const statuses = [];
    for (const as of callers) {
      const { status } = await api.send('POST', '/codec/decode', { as, body: { payloads: [PLAIN] } });
      statuses.push(status);
    }
    expect(statuses).toEqual([401, 403, 403, 200, 200]);
  });

  it('is not there without PAYLOAD_KEY', async () => {
    const without = await startTestApp(database.db);
    expect((await without.admin('POST', '/codec/decode', { payloads: [] })).status).toBe(404);
    expect((await without.send('GET', '/openapi.json')).text).not.toContain('/codec/decode');
    await without.close();
  });
});

describe('S4 what Temporal keeps sealed', () => {
  const ID = 'order/sealed';
  const INPUT = { mobile: SECRET };
  const OPEN = base64(JSON.stringify(INPUT));
  let temporal: TestWorkflowEnvironment;
  let binary: string;

  beforeAll(async () => {
    binary = (await findTemporal()).path;
    temporal = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path: binary } },
    });
    const client = new Client({
      connection: temporal.connection,
      dataConverter: dataConverterOf({ address: '', namespace: 'default', payloadKey: OLD }),
    });
    await client.workflow.start('order', { workflowId: ID, taskQueue: 'none', args: [INPUT] });
  });
  afterAll(() => temporal.teardown());

  /** What an operator sees at the command line. */
  async function shown(...codec: string[]): Promise<string> {
    const show = ['workflow', 'show', '--workflow-id', ID, '--output', 'json', '--address', temporal.address];
    const { stdout } = await promisify(execFile)(binary, [...show, ...codec]);
    return stdout;
  }

  it('is shown by Temporal’s command line through the codec alone', async () => {
    expect(await shown()).not.toContain(OPEN);
    const codec = ['--codec-endpoint', `${api.url}/codec`, '--codec-auth', `Bearer ${ADMIN_KEY}`];
    expect(await shown(...codec)).toContain(OPEN);
  });

  it('is opened by an SDK that has its payloads decoded remotely', async () => {
    const remote: PayloadCodec = {
      encode: () => Promise.reject(new Error('nothing is sealed here')),
      decode: async (payloads) =>
        (await call('decode', payloads.map(toJson))).map(({ metadata, data }) => ({
          metadata: Object.fromEntries(
            Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
          ),
          data: Buffer.from(data, 'base64'),
        })),
    };
    const history = await temporal.client.workflow.getHandle(ID).fetchHistory();
    const [input] = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const [opened] = await remote.decode(input === undefined ? [] : [input]);
    expect(JSON.parse(Buffer.from(opened?.data ?? []).toString())).toEqual(INPUT);
  });

  function toJson({ metadata, data }: Payload): Json {
    return {
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
      ),
      data: Buffer.from(data ?? []).toString('base64'),
    };
  }
});
