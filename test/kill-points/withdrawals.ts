/** Kills while money goes out: it is paid once, or is its owner's again. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { PAY_PASSWORD, type Person, expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { AMOUNT, type Scenario, type Scene, releasedDeal, sqlCounts, underWay } from './scene.js';

interface Withdrawal {
  id: string;
  status: string;
}

const PART = 700;

const ACCOUNTS = {
  alipay: { channel: 'alipay', no: 'hanmeimei@example.com', name: '韩梅梅' },
  wechat: { channel: 'wechat', no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '韩梅梅' },
} as const;

/** Somebody who has earned the whole of a deal. */
const earner = async (scene: Scene): Promise<Person> => (await releasedDeal(scene)).seller;

async function ask({ api }: Scene, owner: Person, channel: keyof typeof ACCOUNTS): Promise<Withdrawal> {
  const wish = { userId: owner.id, amount: PART, payPassword: PAY_PASSWORD, account: ACCOUNTS[channel] };
  return expectStatus(await api.post<Withdrawal>('/v1/withdrawals', wish, { token: owner.token }), 201);
}

const approve = async ({ api }: Scene, { id }: Withdrawal): Promise<Withdrawal> =>
  expectStatus(await api.post<Withdrawal>(`/v1/withdrawals/${id}/approve`, { reason: 'so be it' }), 200);

const becomes = ({ api }: Scene, { id }: Withdrawal, wanted: string): Promise<Withdrawal> =>
  eventually(`withdrawal ${id} is ${wanted}`, async () => {
    const found = expectStatus(await api.get<Withdrawal>(`/v1/withdrawals/${id}`), 200);
    if (found.status !== wanted) throw new Error(`it is ${found.status}`);
    return found;
  });

/** What the provider knows under the withdrawal's number. */
async function payoutsOf({ fleet }: Scene, { id }: Withdrawal): Promise<{ status: string }[]> {
  const path = `/payouts?outPayoutNo=${id}`;
  return expectStatus(await fleet.sandbox.get<{ data: { status: string }[] }>(path), 200).data;
}

const settle = async ({ fleet }: Scene, { id }: Withdrawal, result: string): Promise<void> => {
  expectStatus(await fleet.sandbox.post(`/payouts/${id}/settle`, { result, notify: true }), 200);
};

async function postingsOf({ fleet }: Scene, { id }: Withdrawal): Promise<string[]> {
  const rows = await fleet.sql<{ kind: string }[]>`
    SELECT kind FROM postings WHERE starts_with(key, ${`withdrawal/${id}:`}) ORDER BY id`;
  return rows.map(({ kind }) => kind.replace('withdrawal_', ''));
}

async function toldOf({ fleet }: Scene, { id }: Withdrawal): Promise<string[]> {
  const rows = await fleet.sql<
    { type: string }[]
  >`SELECT type FROM account_events WHERE ref = ${id} ORDER BY id`;
  return rows.map(({ type }) => type.replace('withdrawal.', ''));
}

/** The provider paid it once, under its own number, and nothing is frozen any more. */
async function isPaidOnce(scene: Scene, owner: Person, withdrawal: Withdrawal): Promise<void> {
  await becomes(scene, withdrawal, 'paid');
  const payouts = `/payouts?receiver=${ACCOUNTS.alipay.no}`;
  const { data } = expectStatus(
    await scene.fleet.sandbox.get<{ data: { outPayoutNo: string; amount: number; status: string }[] }>(
      payouts,
    ),
    200,
  );
  expect(data.filter(({ outPayoutNo }) => outPayoutNo === withdrawal.id)).toMatchObject([
    { amount: PART, status: 'paid' },
  ]);
  expect(await scene.shop.walletOf(owner)).toMatchObject({ withdrawable: AMOUNT - PART, frozen: 0 });
  expect(await postingsOf(scene, withdrawal)).toEqual(['requested', 'paid']);
  expect(await toldOf(scene, withdrawal)).toEqual(['requested', 'approved', 'paid']);
}

/** It is its owner's again, once, and one operator item says so. */
async function isBackOnce(
  scene: Scene,
  owner: Person,
  withdrawal: Withdrawal,
  postings: string[],
): Promise<void> {
  expect(await scene.shop.walletOf(owner)).toMatchObject({ withdrawable: AMOUNT, frozen: 0 });
  expect(await postingsOf(scene, withdrawal)).toEqual(postings);
  await sqlCounts(
    scene,
    'one open item says so',
    `SELECT count(*) FROM operator_items WHERE kind = 'failed_payout' AND status = 'open' AND ref = '${withdrawal.id}'`,
    1,
  );
}

const isAskedFor = async (scene: Scene) => {
  const owner = await earner(scene);
  return underWay(
    () => ask(scene, owner, 'alipay'),
    async (withdrawal) => {
      const { sql } = scene.fleet;
      const made = await sql<{ id: string }[]>`SELECT id FROM withdrawals WHERE user_id = ${owner.id}`;
      expect([...made]).toEqual([{ id: withdrawal.id }]);
      expect(await scene.shop.walletOf(owner)).toMatchObject({ withdrawable: AMOUNT - PART, frozen: PART });
      await approve(scene, withdrawal);
      await isPaidOnce(scene, owner, withdrawal);
    },
  );
};

const isApproved = async (scene: Scene) => {
  const owner = await earner(scene);
  const asked = await ask(scene, owner, 'alipay');
  return underWay(
    () => approve(scene, asked),
    async ({ id }) => {
      expect(id).toBe(asked.id);
      await isPaidOnce(scene, owner, asked);
    },
  );
};

/** The provider refuses it for good. Its receiver has to take it, so that nobody else ends it meanwhile. */
const fails = async (scene: Scene) => {
  const owner = await earner(scene);
  const asked = await ask(scene, owner, 'wechat');
  return underWay(
    async () => {
      await approve(scene, asked);
      await eventually('the provider has the payout', async () => {
        const { length } = await payoutsOf(scene, asked);
        if (length !== 1) throw new Error(`it has ${length}`);
      });
      await settle(scene, asked, 'fail');
    },
    async () => {
      await becomes(scene, asked, 'failed');
      expect(await payoutsOf(scene, asked)).toMatchObject([{ status: 'failed' }]);
      await isBackOnce(scene, owner, asked, ['requested', 'returned']);
    },
  );
};

/** The receiver's bank sends it back, when its workflow has ended long ago. */
const comesBack = async (scene: Scene) => {
  const owner = await earner(scene);
  const asked = await ask(scene, owner, 'alipay');
  await approve(scene, asked);
  await isPaidOnce(scene, owner, asked);
  return underWay(
    () => settle(scene, asked, 'bounce'),
    async () => {
      await becomes(scene, asked, 'bounced');
      await isBackOnce(scene, owner, asked, ['requested', 'paid', 'bounced']);
      expect(await toldOf(scene, asked)).toEqual(['requested', 'approved', 'paid', 'bounced']);
    },
  );
};

export const WITHDRAWALS = {
  'withdrawal: before commit': {
    kills: 'api',
    proves: 'M3',
    says: 'the repeated call freezes the money, once',
    prepare: isAskedFor,
  },
  'withdrawal: committed': {
    kills: 'api',
    proves: 'M3',
    says: 'the repeated call is answered with the withdrawal that there is',
    prepare: isAskedFor,
  },
  'withdrawal: decided': {
    kills: 'api',
    proves: 'M9 T6',
    says: 'the repeated approval is answered alike, and the money goes out once',
    prepare: isApproved,
  },
  'payout start: before Temporal': {
    kills: 'api',
    proves: 'T6',
    says: 'the relay starts the workflow, and the money goes out once',
    prepare: isApproved,
  },
  'payout start: Temporal has it': {
    kills: 'api',
    proves: 'T6',
    says: 'the workflow runs once, and the money goes out once',
    prepare: isApproved,
  },
  'payout: before the provider': {
    kills: 'worker',
    proves: 'M9',
    says: 'nobody takes it for failed, and the provider pays it once',
    prepare: isApproved,
  },
  'payout: provider has it': {
    kills: 'worker',
    proves: 'M9',
    says: 'the retry has the same number, and the provider pays it once',
    prepare: isApproved,
  },
  'payout: settled': {
    kills: 'worker',
    proves: 'M4',
    says: 'it is booked as paid once',
    prepare: isApproved,
  },
  'payout: failed': {
    kills: 'worker',
    proves: 'M9 T6',
    says: 'the money is back once, and one operator item says so',
    prepare: fails,
  },
  'payout: bounced': {
    kills: 'worker',
    proves: 'M4 T6',
    says: 'the money is back once, and one operator item says so',
    prepare: comesBack,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
