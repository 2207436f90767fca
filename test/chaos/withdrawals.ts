/** What sellers have earned goes out: paid, refused by a person or by the provider, or sent back by a bank. */
import { setTimeout as pause } from 'node:timers/promises';
import { PAY_PASSWORD } from '../e2e/shop.js';
import { codeOf, surprise } from './client.js';
import { type Journey, type Scene, channelOf, create, pay, until } from './steps.js';

interface Withdrawal {
  id: string;
  status: string;
}

const LEAST_FEN = 10;
const PATIENCE_MS = 240_000;
const LOOKS_EVERY_MS = 400;
const ENDED = ['paid', 'failed', 'rejected', 'bounced'];

const ACCOUNTS = {
  alipay: { channel: 'alipay', no: 'hanmeimei@example.com', name: '韩梅梅' },
  wechat: { channel: 'wechat', no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '韩梅梅' },
} as const;

/** @returns null when the money was spent meanwhile, or went to a debt */
async function ask({ client, seller, random }: Scene, most: number): Promise<Withdrawal | null> {
  const answer = await client.post<Withdrawal>(
    '/v1/withdrawals',
    {
      userId: seller.id,
      amount: LEAST_FEN + random.below(most - LEAST_FEN),
      payPassword: PAY_PASSWORD,
      account: ACCOUNTS[channelOf(random)],
    },
    seller.token,
  );
  if (answer.status === 201) return answer.body;
  if (codeOf(answer) === 'insufficient_funds') return null;
  throw surprise('a withdrawal', answer);
}

async function decide({ client }: Scene, { id }: Withdrawal, approve: boolean): Promise<void> {
  const answer = await client.post(`/v1/withdrawals/${id}/${approve ? 'approve' : 'reject'}`, {
    reason: 'so be it',
  });
  if (answer.status !== 200) throw surprise(`a decision about withdrawal ${id}`, answer);
}

/** At the provider, where it may not have arrived yet, or may have ended by itself. @returns whether it was in time */
async function settle({ sandbox }: Scene, { id }: Withdrawal, result: string): Promise<boolean> {
  const answer = await sandbox.post(`/payouts/${id}/settle`, { result, notify: true });
  if (answer.status === 200) return true;
  if ((codeOf(answer) ?? '').startsWith('payout_')) return false;
  throw surprise(`settling payout ${id}`, answer);
}

/** Looks at it until it has ended; somebody takes it where its receiver has to. */
async function end(scene: Scene, { id }: Withdrawal): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await scene.client.get<Withdrawal>(`/v1/withdrawals/${id}`);
    if (answer.status !== 200) throw surprise(`withdrawal ${id}`, answer);
    const { status } = answer.body;
    if (ENDED.includes(status)) return status;
    if (status === 'awaiting_receiver') await settle(scene, answer.body, 'success');
    if (performance.now() > until) throw new Error(`withdrawal ${id} never ended; it is ${status}`);
    await pause(LOOKS_EVERY_MS);
  }
}

const earnedAndWithdrawn: Journey = async (scene) => {
  const { random } = scene;
  const order = await create(scene);
  await pay(scene, order);
  await until(scene, order, 'released', ({ releasedAt }) => releasedAt !== null);
  const rests = ['completed'];
  const withdrawal = await ask(scene, order.amount);
  if (withdrawal === null) return [{ order, rests }];
  const approve = random.chance(0.85);
  await decide(scene, withdrawal, approve);
  if (!approve) return [{ order, rests }];
  const refused = random.chance(0.25) && (await settle(scene, withdrawal, 'fail'));
  const ended = await end(scene, withdrawal);
  if (refused !== (ended === 'failed')) {
    throw new Error(
      `withdrawal ${withdrawal.id} is ${ended}, and its provider ${refused ? 'refused' : 'took'} it`,
    );
  }
  if (ended === 'paid' && random.chance(0.3)) await settle(scene, withdrawal, 'bounce');
  return [{ order, rests }];
};

export const WITHDRAWALS = { earnedAndWithdrawn } satisfies Record<string, Journey>;
