/**
 * Every kind of notification that a provider, a network or a forger could send, in any mixture and order, against
 * the real parts of the product. The seed is printed, and HOLDFAST_CHAOS_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Found, atRest, lookUp } from '../notifications/found.js';
import type { Played } from '../notifications/perform.js';
import {
  type Outcome,
  payersOf,
  predict,
  predictedAccounts,
  wrongAnswers,
} from '../notifications/predict.js';
import { figures, metClasses, playAll } from '../notifications/run.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { sqlAs } from '../support/database.js';
import { FULL } from '../support/full.js';
import { describeViolations, moneyViolations } from '../support/verdict.js';

const SEED = Number(process.env['HOLDFAST_CHAOS_SEED'] ?? 20_261_124);
const ORDERS = FULL ? 2_000 : 400;
const LEAST_OF_EACH = ORDERS / 20;
const LONGEST_RUN_MS = 600_000;
const KEPT_SAMPLES = 100;
const SHOWN = 12;

describe(`notifications of ${ORDERS} orders, seed ${SEED}`, () => {
  let stage: Stage;
  let all: Played[];
  let left: string[];
  let found: Found;

  beforeAll(async () => {
    process.stdout.write(`Notification chaos: seed ${SEED}\n`);
    stage = await openStage();
    const begunAt = Date.now();
    all = await playAll(stage, SEED, ORDERS);
    left = await atRest(stage);
    process.stdout.write(`${figures(all, SEED, Date.now() - begunAt)}\n`);
    found = await lookUp(stage);
  }, LONGEST_RUN_MS);
  afterAll(() => stage.close());

  /** What differs from the model, one line each and the first of them, so that a failing run says where to look. */
  function differences(...aspects: (keyof Outcome)[]): string[] {
    const lines = all.flatMap((played) => {
      const { script, orderNo } = played;
      const real = found.outcomeOf(played);
      const paidBy = found.paidBy(orderNo);
      const name = `order ${script.nth} (${script.fate}: ${script.classes.join(', ')})`;
      if (!payersOf(played).includes(paidBy)) return [`${name} is paid by ${paidBy ?? 'nobody'}`];
      const wanted = predict(played, paidBy);
      return aspects.flatMap((aspect) => {
        const [is, should] = [JSON.stringify(real[aspect]), JSON.stringify(wanted[aspect])];
        return is === should ? [] : [`${name}: ${aspect} ${is}, not ${should}`];
      });
    });
    return lines.length > SHOWN ? [...lines.slice(0, SHOWN), `and ${lines.length - SHOWN} more`] : lines;
  }

  it('of every class are sent to at least one order in twenty', () => {
    const met = metClasses(all);
    expect(Object.entries(met).filter(([, orders]) => orders < LEAST_OF_EACH)).toEqual([]);
    expect(all).toHaveLength(ORDERS);
  });

  it('W1 M5 come to an end, and so does all that they set going', () => {
    expect(left).toEqual([]);
  });

  it('W1 W2 are answered in the provider’s own words: taken, or refused', () => {
    expect(all.flatMap(wrongAnswers)).toEqual([]);
  });

  it('M5 M7 W3 W6 leave every order as its script says: paid once at most, and final once final', () => {
    expect(differences('money', 'captured', 'payments')).toEqual([]);
  });

  it('W1 M5 are in the inbox once each, and have had the effect that they may have', () => {
    expect(differences('inbox')).toEqual([]);
    // What the providers told by themselves: of the money that went back.
    const strange = found.others.filter(({ state, facts }) => state !== 'ignored' || !('refund_id' in facts));
    expect(strange).toEqual([]);
  });

  it('W2 that are forged are counted, leave no row but the last 100 samples', async () => {
    const forged = all.flatMap(({ sent }) => sent).filter(({ telling }) => telling.effect === 'forged');
    const again = forged.reduce((sum, one) => sum + one.again, 0);
    const refused = await stage.counted('refused');
    expect(refused).toBeGreaterThanOrEqual(forged.length);
    expect(refused).toBeLessThanOrEqual(forged.length + again);
    expect(found.samples).toBe(Math.min(forged.length, KEPT_SAMPLES));
  });

  it('W3 that do not fit are in suspense, each with an open item', () => {
    expect(differences('items', 'suspense')).toEqual([]);
  });

  it('M5 M6 of a late or a second payment send it back at its provider, once', () => {
    expect(differences('refunds', 'refundsAtProvider')).toEqual([]);
  });

  it('M4 leave every fen where the model has it', () => {
    expect(found.accounts).toEqual(predictedAccounts(all, found.paidBy));
  });

  it('M1 M2 M3 M4 M5 M6 M7 T6 break no promise about money', async () => {
    const violations = await sqlAs(stage.flow.database.appUrl, moneyViolations);
    expect(describeViolations(violations)).toBe('');
  });
});
