/**
 * Places where a process can be made to end as if its machine had lost power, each named after what was just done.
 * A test sets CRASH_AT to one of them, and CRASH_ABOUT to what it is to be about. config.ts refuses that variable in production, where nothing is ever armed.
 */
export const CRASH_POINTS = [
  // The API
  'order: before commit',
  'order: committed',
  'attempt: committed',
  'attempt: posted to the provider',
  'notification: verified',
  'notification: committed',
  'wallet payment: before commit',
  'wallet payment: committed',
  'purchase: before commit',
  'purchase: committed',
  'update: taken by the workflow',
  'refund: decided in SQL',
  'withdrawal: before commit',
  'withdrawal: committed',
  'withdrawal: decided',
  // The relay, in the worker or in the API
  'start: before Temporal',
  'start: Temporal has it',
  'signal: before Temporal',
  'signal: Temporal has it',
  'refund start: before Temporal',
  'refund start: Temporal has it',
  'payout start: before Temporal',
  'payout start: Temporal has it',
  'payout: bounced',
  'renewal start: before Temporal',
  'renewal start: Temporal has it',
  'question: answered',
  'question: in the inbox',
  'delivery: sent',
  // The worker
  'hold: before posting',
  'hold: posted',
  'free order: posted',
  'release: before posting',
  'release: posted',
  'close: asked at the provider',
  'close: closed at the provider',
  'close: posted',
  'return: committed',
  'suspense: committed',
  'step: started',
  'sms: before the provider',
  'sms: provider has it',
  'sms: recorded',
  'action endpoint: answered',
  'step: before commit',
  'step: committed',
  'step: parked',
  'step: decided',
  'refund: before the provider',
  'refund: begun',
  'refund: provider has it',
  'refund: settled',
  'refund: failed',
  'payout: before the provider',
  'payout: provider has it',
  'payout: settled',
  'payout: failed',
  'renewal: before commit',
  'renewal: committed',
  'reconciliation: rows staged',
  'reconciliation: compared',
  'reconciliation: asked',
  'reconciliation: ended',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What a shell says of a process that was ended by SIGKILL. */
const KILLED = 137;

let armed: CrashPoint | undefined;
let armedAbout: string | undefined;

/** @param about the only thing that the process ends at; any, when left out */
export function armCrashPoint(point: CrashPoint | undefined, about?: string): void {
  armed = point;
  armedAbout = about;
}

/**
 * Ends the process when this is the point that was armed; otherwise it costs a comparison.
 * @param about what is being done here, such as a step's key
 */
export function crashPoint(here: CrashPoint, about?: string): void {
  if (here === armed && (armedAbout === undefined || armedAbout === about)) process.exit(KILLED);
}
