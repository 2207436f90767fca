/** Signatures by Standard Webhooks (https://www.standardwebhooks.com), which many languages have verifiers for. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

// The specification asks for 24 to 64 bytes.
const SECRET_BYTES = 32;

export function newSigningSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

export interface Message {
  /** The same on every try: by it a receiver knows a repeat. */
  id: string;
  body: string;
}

/**
 * The headers of one try.
 * @param secrets all that are in force: while one is replaced, each signs
 * @param at of this try, since receivers refuse what is older than five minutes
 */
export function signedHeaders({ id, body }: Message, secrets: readonly string[], at: Date) {
  return {
    'content-type': 'application/json',
    'user-agent': 'Holdfast-Webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}
