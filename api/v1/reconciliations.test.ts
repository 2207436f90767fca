import { describe, expect, it } from 'vitest';
import { updateItems } from '../../db/differences.js';
import { claimRun, reconciliationById } from '../../db/reconciliations.js';
import { operatorItems, reconciliationDifferences } from '../../db/schema.js';
import { billProvider } from '../../test/support/bills.js';
import { allRows, startTestApp } from '../test-support.js';
import { api, database, tokens } from './test-support.js';

const date = '2026-11-20';
const id = `alipay-${date}`;

async function insertDifferences(count: number): Promise<void> {
  await claimRun(database.db, { channel: 'alipay', date }, 'test');
  const rows = Array.from({ length: count }, (_, n) => ({
    channel: 'alipay' as const,
    date,
    type: n % 2 === 0 ? ('missing_there' as const) : ('late' as const),
    kind: 'payment' as const,
    no: `n${n}`,
    providerNo: `p${n}`,
    ours: { amount: 100 + n, status: 'succeeded', at: '2026-11-20T04:00:00.000Z', providerNo: `p${n}` },
    status: 'open' as const,
    run: 1,
  }));
  await database.db.insert(reconciliationDifferences).values(rows);
  await updateItems(database.db, 'alipay', [date]);
}

describe('/v1/reconciliations', () => {
  it('M4 shows how far one is, what differs, and pages of it', async () => {
    await insertDifferences(7);
    const shown = await api.admin('GET', `/v1/reconciliations/${id}`);
    expect(shown.json).toMatchObject({
      id,
      channel: 'alipay',
      date,
      status: 'requested',
      run: 1,
      progress: { billRows: 0, matched: 0 },
      openDifferences: { missing_there: 4, late: 3 },
    });
    expect(shown.json['differences']).toHaveLength(7);
    const all = await allRows(api, `/v1/reconciliations/${id}/differences?limit=3`);
    expect(all.map(({ no }) => no)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
    expect(all[0]).toMatchObject({ type: 'missing_there', ours: { amount: 100 }, theirs: null });
    expect(await allRows(api, `/v1/reconciliations/${id}/differences?limit=3&type=late`)).toHaveLength(3);
    await claimRun(database.db, { channel: 'wechat', date }, 'test');
    const listed = await allRows(api, '/v1/reconciliations?limit=1');
    expect(listed.map((row) => row['id'])).toEqual([`wechat-${date}`, id]);
    expect(await allRows(api, '/v1/reconciliations?limit=5&channel=wechat')).toHaveLength(1);
    const unknown = await api.admin('GET', '/v1/reconciliations/alipay-2020-01-01');
    expect(unknown.json).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('a case that an operator resolves closes its difference', async () => {
    const item = (await database.db.select().from(operatorItems)).find(({ ref }) => ref.includes('/n0/'));
    const answer = await api.send('POST', `/v1/operator-items/${item?.id ?? ''}/resolve`, {
      as: tokens['oscar'],
      body: { resolution: 'settled_by_hand', reason: 'the provider has sent a correction' },
    });
    expect(answer.json).toMatchObject({ kind: 'difference', status: 'resolved', resolvedBy: 'user:oscar' });
    const closed = await allRows(api, `/v1/reconciliations/${id}/differences?limit=50&status=resolved`);
    expect(closed).toMatchObject([{ no: 'n0', resolution: 'by_hand' }]);
  });

  it.each([
    ['no day', { channel: 'alipay', date: '2026-02-30' }, 'invalid_request'],
    ['a day that is not over', { channel: 'alipay', date: '2099-01-01' }, 'invalid_request'],
    ['an unknown channel', { channel: 'cash', date }, 'invalid_request'],
    ['a channel without credentials', { channel: 'wechat', date }, 'channel_not_configured'],
  ])('refuses %s', async (_, body, code) => {
    const { commands } = api.services;
    const app = await startTestApp(database.db, { commands: { ...commands, ...billProvider() } });
    expect((await app.admin('POST', '/v1/reconciliations', body)).json).toMatchObject({ code });
    await app.close();
  });

  it('T6 while Temporal is down the caller is told to repeat, and nothing seems to run', async () => {
    const { commands } = api.services;
    const app = await startTestApp(database.db, { commands: { ...commands, ...billProvider() } });
    const day = { channel: 'alipay', date: '2026-11-10' };
    const answer = await app.admin('POST', '/v1/reconciliations', day);
    await app.close();
    expect([answer.status, answer.json['code']]).toEqual([503, 'unavailable']);
    expect(await reconciliationById(database.db, 'alipay-2026-11-10')).toMatchObject({
      status: 'failed',
      error: { code: 'unavailable' },
    });
  });
});
