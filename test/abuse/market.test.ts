import { afterAll, beforeAll, describe } from 'vitest';
import { readGolden } from '../support/golden.js';
import { BUYER, type Market, SELLER, openMarket } from '../support/market.js';
import { testNastyBodies } from './nasty.js';

type Fields = Record<string, unknown>;

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

/** No mutation of these can move money: the password is wrong, and no order of theirs is paid. */
async function samples(): Promise<Record<string, Fields>> {
  const golden = await readGolden('market');
  const oid = String((await market.newOrder({ chatId: 'room_fuzz' }))['_id']);
  const places: Record<string, string> = {
    $buyer: BUYER,
    $seller: SELLER,
    $buyerToken: market.tokens.buyer,
    $payPass: 'not-the-password',
    $loginPass: 'not-the-password',
    $chat: 'room_fuzz',
  };
  return Object.fromEntries(
    Object.entries(golden).map(([name, { request }]) => [
      `/api/v1/${name}`,
      Object.fromEntries(
        Object.entries(request).map(([field, value]) => [
          field,
          typeof value === 'string' && value.startsWith('$') ? (places[value] ?? oid) : value,
        ]),
      ),
    ]),
  );
}

describe('market', () => {
  testNastyBodies(async () => ({
    api: market.api,
    db: market.stage.db,
    samples: await samples(),
    token: market.tokens.buyer,
    isOurs: ({ success }) => typeof success === 'boolean',
  }));
});
