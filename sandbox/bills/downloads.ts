import type { Readable } from 'node:stream';
import { hex } from '../values/random.js';

/** Files that were promised to somebody: a token for a while, in memory only, as the providers' addresses are. */
export class Downloads {
  readonly #promised = new Map<string, { readonly open: () => Readable; readonly until: number }>();

  /** @param livesMs real time */
  promise(open: () => Readable, livesMs: number): string {
    const now = Date.now();
    for (const [token, { until }] of this.#promised) if (until < now) this.#promised.delete(token);
    const token = hex(32);
    this.#promised.set(token, { open, until: now + livesMs });
    return token;
  }

  /** The file, from its beginning; null when nobody was promised it, or its time is over. */
  open(token: unknown): Readable | null {
    const promised = this.#promised.get(String(token));
    return promised && promised.until >= Date.now() ? promised.open() : null;
  }
}
