/** The first words of paths that are not the tenant's of `factory`, which may be any other (wire.md, section 0). */
export const RESERVED_WORDS = [
  'api',
  'v1',
  'order',
  'orders',
  'pay',
  'webhooks',
  'console',
  'checkout',
  'codec',
  'docs',
  'healthz',
  'readyz',
  'metrics',
] as const;

/** A word that can name the tenant. */
export const TENANT_WORD = new RegExp(`^(?!(?:${RESERVED_WORDS.join('|')})$)[0-9A-Za-z_-]{1,64}$`);
