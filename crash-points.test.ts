/** T5: whom CRASH_AT reaches, and who refuses it. */
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.js';
import { CRASH_POINTS } from './crash-points.js';

const read = (environment: NodeJS.ProcessEnv) =>
  readConfig({ DATABASE_URL: 'postgres://unused/unused', ...environment }).crashAt;

describe('CRASH_AT', () => {
  it('names a point, or none', () => {
    expect(read({ CRASH_AT: 'hold: posted' })).toBe('hold: posted');
    expect(read({ CRASH_AT: 'hold: posted', NODE_ENV: 'development' })).toBe('hold: posted');
    expect(read({ CRASH_AT: '' })).toBeUndefined();
    expect(read({ NODE_ENV: 'production' })).toBeUndefined();
  });

  it.each(CRASH_POINTS)('is refused in production, in one line: %s', (point) => {
    expect(() => read({ CRASH_AT: point, NODE_ENV: 'production' })).toThrow(
      new ConfigError('CRASH_AT: is for tests, and NODE_ENV is production'),
    );
  });

  it.each(['hold', 'hold: posted ', 'HOLD: POSTED', 'somewhere'])('refuses what is no point: %j', (point) => {
    expect(() => read({ CRASH_AT: point })).toThrow(ConfigError);
    expect(() => read({ CRASH_AT: point })).toThrow(/^CRASH_AT: [^\n]*"hold: posted"[^\n]*$/);
  });

  it('has no name twice', () => {
    expect(new Set(CRASH_POINTS).size).toBe(CRASH_POINTS.length);
  });
});
