/** How running workflows change: every flag, with what was before it and why. A flag's name is in histories for ever. */
import { patched } from '@temporalio/workflow';
import { decided, ledger } from './proxies.js';

/**
 * Who does in PostgreSQL what a person asked for by an Update. An Update is in the history only once a task of the
 * workflow has completed: a local activity runs before that, and a crash of Temporal would leave its effect in
 * PostgreSQL and nobody in the workflow who knows of it. Before the flag it was one.
 */
export const byWish = (): typeof ledger | typeof decided =>
  patched('wishes-on-record-first') ? decided : ledger;
