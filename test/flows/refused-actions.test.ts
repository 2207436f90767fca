/**
 * What parks an action after a topup that is really paid at the sandbox: it says why, nothing is half done, and the
 * money is in the payer's balance.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../../api/test-support.js';
import { ACTION_NAMES, type ActionName } from '../../domain/next-actions.js';
import { CASES } from '../actions/cases.js';
import { type Fields, type Shop, openShop } from '../actions/shop.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { addUsers, until } from '../support/world.js';

let stage: Stage;
let api: Client;
let shop: Shop;
beforeAll(async () => {
  stage = await openStage();
  api = clientOf(stage.context.publicUrl);
  shop = openShop(stage.db);
  await addUsers(stage.db, 'somebody');
});
afterAll(() => stage.close());

const TOPUP = 50_000;
let people = 0;

async function newPayer(): Promise<string> {
  people += 1;
  const payer = `payer${people}`;
  await addUsers(stage.db, payer);
  return payer;
}

/** @returns the order's path, once its chain has ended or waits for a person */
async function paidTopup(payer: string, amount: number, nextAction: Fields): Promise<string> {
  const made = await api.admin('POST', '/v1/orders', {
    kind: 'topup',
    buyerId: payer,
    amount,
    subject: 'x',
    nextAction,
  });
  expect(made.status).toBe(201);
  const at = `/v1/orders/${String(made.json['id'])}`;
  expect((await api.admin('POST', `${at}/payments`, { channel: 'alipay' })).status).toBe(201);
  await stage.flow.providers.control('POST', `/trades/${String(made.json['orderNo'])}/pay`, {});
  const status = async () => String((await api.admin('GET', at)).json['status']);
  await until(async () => ['completed', 'action_required'].includes(await status()));
  return at;
}

interface Refusal {
  payer: string;
  action: Fields;
  amount: number;
  /** What its reason has to be, and a word that has to be in it. */
  code: string;
  names: string;
  seen?: () => Promise<unknown>;
}

async function expectParked({ payer, action, amount, code, names, seen }: Refusal): Promise<void> {
  const cash = async () => Number((await api.admin('GET', `/v1/wallets/${payer}`)).json['cash']);
  const before = [await cash(), await seen?.()];
  const at = await paidTopup(payer, amount, action);
  const { data } = (await api.admin('GET', `${at}/actions`)).json as { data: Fields[] };
  expect(data).toMatchObject([{ path: '0', status: 'parked', error: { code } }]);
  expect(JSON.stringify(data[0]?.['error'])).toContain(names);
  expect([await cash(), await seen?.()]).toEqual([Number(before[0]) + amount, before[1]]);
}

const of = (isSo: (name: ActionName) => boolean): ActionName[] => ACTION_NAMES.filter(isSo);
/** A message costs nothing, and is nobody's. */
const CHARGING = of((name) => name !== 'sendSms');
const NAMING = of((name) => CASES[name].missing !== undefined);
/** Paid once each, by their owner. */
const THINGS: readonly ActionName[] = [
  'payShopOrder',
  'payKnowledgeOrder',
  'payRegistration',
  'payJdRewardOrder',
  'payDiningOrder',
  'payPictureTrade',
  'payCourseOrder',
  'payExtraTime',
  'payErrandTask',
  'publishBlindBox',
];
const ONCE: readonly ActionName[] = [
  'becomeCommunityLeader',
  'becomeDistributor',
  'becomeTeamLeader',
  'buyVideoEpisode',
  'payCpActivity',
];

describe('T2 M4 an action is parked', () => {
  it.each(CHARGING)('where the balance is too small: %s', async (name) => {
    const payer = await newPayer();
    const { action, price, seen } = await CASES[name].stage(shop, payer);
    await expectParked({
      payer,
      action,
      amount: price - 1,
      code: 'insufficient_funds',
      names: `${price} fen`,
      seen,
    });
  });

  it.each(NAMING)('where its thing is missing: %s', async (name) => {
    const action = CASES[name].missing ?? {};
    const payer = await newPayer();
    await expectParked({ payer, action, amount: TOPUP, code: 'missing_thing', names: '999999999' });
  });

  it.each(THINGS)('where its thing is somebody else’s: %s', async (name) => {
    const { action, seen, thing } = await CASES[name].stage(shop, 'somebody');
    const names = `${thing?.collection}/${thing?.id}`;
    await expectParked({
      payer: await newPayer(),
      action,
      amount: TOPUP,
      code: 'not_owner',
      names,
      seen,
    });
  });

  it.each(THINGS)('where its thing is paid already: %s', async (name) => {
    const payer = await newPayer();
    const { action, seen, thing } = await CASES[name].stage(shop, payer);
    await paidTopup(payer, TOPUP, action);
    const names = `${thing?.collection}/${thing?.id}`;
    await expectParked({ payer, action, amount: TOPUP, code: 'not_pending', names, seen });
  });

  it.each(ONCE)('where its payer has it already: %s', async (name) => {
    const payer = await newPayer();
    const { action, seen } = await CASES[name].stage(shop, payer);
    await paidTopup(payer, TOPUP, action);
    await expectParked({ payer, action, amount: TOPUP, code: 'already_granted', names: 'has', seen });
  });
});
