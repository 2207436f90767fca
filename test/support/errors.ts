import type { ApplicationFailure } from '@temporalio/common';
import { failureOf } from '../../activities/errors.js';
import type { ActionName } from '../../domain/next-actions.js';
import { HoldfastError } from '../../domain/errors.js';

export interface Refusal {
  code: string;
  message: string;
  details: Record<string, unknown>;
}

/** What a promise was refused with. A promise that is kept, or fails in another way, fails the test. */
export async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { code: error.code, message: error.message, details: error.details };
  }
  throw new Error('the call was not refused');
}

/** The SQLSTATE that a statement failed with, however deep the driver's error lies. */
export async function sqlStateOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ('code' in cause && typeof cause.code === 'string') return cause.code;
    }
    throw error;
  }
  throw new Error('the statement did not fail');
}

/** What Temporal stores of a try of an action that fails. */
export async function failureOfTry(name: ActionName, tried: Promise<unknown>): Promise<ApplicationFailure> {
  try {
    await tried;
  } catch (error) {
    return failureOf(error, name);
  }
  throw new Error(`${name} did not fail`);
}
