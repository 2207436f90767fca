/** The reconciliation's workflows with an activity too many: replaying any history with them must fail. */
import type {
  DailyReconciliationInput,
  ReconciliationInput,
  ReconciliationOutcome,
} from '../../../workflows/contract.js';
import { books } from '../../../workflows/proxies.js';
import {
  dailyReconciliation as currentDaily,
  reconciliation as current,
} from '../../../workflows/reconciliation.js';

export async function reconciliation(input: ReconciliationInput): Promise<ReconciliationOutcome> {
  const outcome = await current(input);
  await books.settleMissing({ id: `${input.channel}-${input.date}` });
  return outcome;
}

export async function dailyReconciliation(input: DailyReconciliationInput): Promise<string> {
  const date = await currentDaily(input);
  await books.settleMissing({ id: `${input.channel}-${date}` });
  return date;
}
