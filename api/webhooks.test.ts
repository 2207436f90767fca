import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChannels } from '../channels/index.js';
import { readConfig } from '../config.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import { payoutRequestOf, withdrawalById } from '../db/withdrawals.js';
import { settleWithdrawal, submitWithdrawal } from '../ledger/withdrawal-ends.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { approve, ask, earner } from '../test/support/withdrawals.js';
import { type TestApp, startTestApp } from './test-support.js';

describe('a notification', () => {
  let database: TestDatabase;
  let sandbox: Sandbox;
  let app: TestApp;
  let home: string;

  beforeAll(async () => {
    database = await freshDatabase();
    home = await mkdtemp(path.join(tmpdir(), 'holdfast-webhooks-'));
    sandbox = await startSandbox({ home, port: 0, speed: 1_000 });
    const { default: merchant } = (await import(sandbox.merchantFile, { with: { type: 'json' } })) as {
      default: Record<string, string>;
    };
    const { channels } = readConfig({ DATABASE_URL: 'postgres://unused/unused', ...merchant });
    app = await startTestApp(database.db, { channels: createChannels(channels) });
  });
  afterAll(async () => {
    await app.close();
    await sandbox.close();
    await database.close();
    await rm(home, { recursive: true });
  });

  const control = async (method: string, at: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(`http://127.0.0.1:${sandbox.port}${at}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  };

  /** A paid trade, and what the provider heard when it told us. */
  const paid = async (channel: string, outTradeNo: string) => {
    await control('POST', '/trades', {
      channel,
      outTradeNo,
      amount: 100,
      notifyUrl: `${app.url}/webhooks/${channel}`,
    });
    await control('POST', `/trades/${outTradeNo}/pay`, {});
    return until(async () => {
      const { data } = (await control('GET', `/notifications?outTradeNo=${outTradeNo}`)) as {
        data: Record<string, unknown>[];
      };
      return data.find((delivery) => delivery['status'] !== undefined && delivery['status'] !== null);
    });
  };

  const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
    }
  };

  it.each([
    ['alipay', 'success'],
    ['wechat', '{"code":"SUCCESS"}'],
    ['pingpp', 'success'],
  ])(
    'W1 of %s is kept before it is answered, in the words that the provider wants',
    async (channel, words) => {
      const outTradeNo = `webhook${channel}0001`;
      const delivery = await paid(channel, outTradeNo);
      expect(delivery).toMatchObject({ status: 200 });
      expect(Object.values(delivery)).toContain(words);
      const rows = await database.db.execute(
        sql`SELECT amount FROM inbox WHERE out_trade_no = ${outTradeNo}`,
      );
      expect(rows).toEqual([{ amount: '100' }]);
    },
  );

  it('W1 M4 about a payout that was paid makes it due for a question, before it is answered', async () => {
    const { db } = database;
    const row = await approve(db, await ask(db, await earner(db), 400));
    await submitWithdrawal(db, row.id, Date.now());
    const payout = payoutRequestOf(row, app.url);
    await app.services.channels.alipay?.payout?.(payout);
    await control('POST', `/payouts/${row.id}/settle`, { result: 'success', notify: false });
    await settleWithdrawal(db, row.id, { providerPayoutNo: 'p1', paidAtMs: Date.now(), nowMs: Date.now() });
    expect((await withdrawalById(db, row.id)).startDueAt).toBeNull();
    await control('POST', `/payouts/${row.id}/settle`, { result: 'bounce', notify: true });
    const due = await until(async () => {
      const { startDueAt } = await withdrawalById(db, row.id);
      return startDueAt ?? undefined;
    });
    expect(due.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('W2 that is not genuine has no effect, and only the last 100 are kept', async () => {
    for (let sent = 0; sent < 103; sent++) {
      const answer = await app.send('POST', '/webhooks/alipay', {
        raw: `trade_no=${sent}&sign=nonsense&sign_type=RSA2`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect([answer.status, answer.text]).toEqual([400, 'fail']);
    }
    const [kept] = await database.db.execute(
      sql`SELECT count(*) AS rows, min(body) LIKE 'trade_no=%' AS body, bool_and(body NOT LIKE 'trade_no=2&%') AS dropped FROM refused_notifications`,
    );
    expect(kept).toEqual({ rows: '100', body: true, dropped: true });
  });

  it('W2 for a channel without credentials is refused, never waved through', async () => {
    const bare = await startTestApp(database.db);
    const answer = await bare.send('POST', '/webhooks/alipay', { raw: 'trade_status=TRADE_SUCCESS' });
    await bare.close();
    expect([answer.status, answer.text]).toEqual([503, 'fail']);
  });
});
