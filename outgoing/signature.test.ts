/** S7: signatures that any verifier of Standard Webhooks takes, and none else. */
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSigningSecret, signedHeaders } from './signature.js';

const message = { id: 'msg_1', body: '{"type":"order.paid","data":{"subject":"一小时吉他"}}' };

describe('S7 a signature', () => {
  it('is the HMAC that the specification says, over id, time and body', () => {
    const secret = newSigningSecret();
    const at = new Date('2026-11-24T03:13:35.129Z');
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const digest = createHmac('sha256', key).update(`msg_1.1795490015.${message.body}`).digest('base64');
    expect(key.length).toBe(32);
    expect(signedHeaders(message, [secret], at)).toMatchObject({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1795490015',
      'webhook-signature': `v1,${digest}`,
    });
  });

  it('is made by each secret that is in force, and verified by the official library with either', () => {
    const secrets = [newSigningSecret(), newSigningSecret()];
    const headers = signedHeaders(message, secrets, new Date());
    for (const secret of secrets) {
      expect(new Webhook(secret).verify(message.body, headers)).toMatchObject({ type: 'order.paid' });
    }
  });

  it.each([
    ['another secret', () => newSigningSecret(), message.body, 0],
    ['a secret with a byte changed', (own: string) => changed(own), message.body, 0],
    ['another body', (own: string) => own, message.body.replace('paid', 'Paid'), 0],
    ['a time of six minutes ago', (own: string) => own, message.body, -360_000],
  ])('is refused with %s', (_what, secretOf, body, shiftMs) => {
    const secret = newSigningSecret();
    const headers = signedHeaders(message, [secret], new Date(Date.now() + shiftMs));
    expect(() => new Webhook(secretOf(secret)).verify(body, headers)).toThrow();
  });

  it('has a secret of its own every time', () => {
    expect(new Set(Array.from({ length: 50 }, newSigningSecret)).size).toBe(50);
  });
});

function changed(secret: string): string {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return `whsec_${bytes.toString('base64')}`;
}
