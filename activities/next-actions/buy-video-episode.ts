import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { grantOnce } from './grants.js';
import { effect } from './step.js';
import { findThing, missingThing } from './things.js';

/** Type 18: one episode is unlocked, once. */
export const buyVideoEpisode = effect('buyVideoEpisode', async (tx, { goodsId, number }, step) => {
  const { body } = await findThing(tx, 'goods-videos', goodsId);
  const episode = body.episodes.find((candidate) => candidate.number === number);
  if (episode === undefined) throw missingThing(`goods-videos/${goodsId}/episodes`, String(number));
  await charge(tx, step, amountFen(episode.amount));
  await grantOnce(tx, step, { kind: 'video_episode', ref: `${goodsId}:${number}` });
});
