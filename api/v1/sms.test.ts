import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smsOutbox } from '../../db/schema.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { type TestApp, startTestApp } from '../test-support.js';

let database: TestDatabase;
let api: TestApp;

const MOBILE = '13500000000';

function row(changes: Partial<typeof smsOutbox.$inferInsert>): typeof smsOutbox.$inferInsert {
  const id = `${changes.provider}-${changes.status}`;
  return {
    id,
    key: `${id}:0.0`,
    orderNo: '00000000000000aa',
    path: '0.0',
    smsId: '111',
    provider: 'outbox',
    mobile: MOBILE,
    sign: 'Holdfast',
    template: 'T_1',
    params: { code: '42' },
    paramNames: ['code'],
    status: 'sent',
    ...changes,
  };
}

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  const error = { code: 'isv.AMOUNT_NOT_ENOUGH', message: '账户余额不足' };
  const sentAt = new Date('2026-11-24T12:00:00Z');
  const now = new Date();
  for (const message of [
    row({ provider: 'outbox', providerMessageId: 'outbox-1', sentAt }),
    row({ provider: 'aliyun', attempts: 2, providerMessageId: '9006^0', sentAt, triedAt: now }),
    row({ provider: 'tencent', providerMessageId: null, sentAt, mobile: '+8613600000000' }),
    row({ provider: 'aliyun', status: 'queued', error, attempts: 1 }),
    row({ provider: 'aliyun', status: 'sending', attempts: 1, triedAt: now }),
    row({ provider: 'aliyun', status: 'failed', error, attempts: 1 }),
    row({ provider: 'tencent', status: 'unknown', attempts: 1 }),
  ]) {
    await database.db.insert(smsOutbox).values(message);
  }
});
afterAll(async () => {
  await api.close();
  await database.close();
});

describe('GET /v1/sms', () => {
  it('lists the messages of every provider, newest first, each with its status', async () => {
    const { status, json } = await api.admin('GET', '/v1/sms');
    expect(status).toBe(200);
    const rows = json['data'] as Record<string, unknown>[];
    expect(rows.map(({ provider, status: now }) => `${String(provider)} ${String(now)}`)).toEqual([
      'tencent unknown',
      'aliyun failed',
      'aliyun sending',
      'aliyun queued',
      'tencent sent',
      'aliyun sent',
      'outbox sent',
    ]);
    expect(rows[1]).toMatchObject({
      orderNo: '00000000000000aa',
      path: '0.0',
      params: { code: '42' },
      error: { code: 'isv.AMOUNT_NOT_ENOUGH', message: '账户余额不足' },
      providerMessageId: null,
      sentAt: null,
    });
    expect(rows[5]).toMatchObject({
      attempts: 2,
      providerMessageId: '9006^0',
      sentAt: '2026-11-24T12:00:00.000Z',
      error: null,
    });
  });

  it('takes the number as the order named it', async () => {
    const found = async (mobile: string) =>
      ((await api.admin('GET', `/v1/sms?mobile=${encodeURIComponent(mobile)}`)).json['data'] as object[])
        .length;
    expect([await found(MOBILE), await found('+8613600000000'), await found('13600000000')]).toEqual([
      6, 1, 0,
    ]);
  });
});
