import { Readable } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { Downloads } from './downloads.js';

afterEach(() => {
  vi.useRealTimers();
});

it('gives a file as often as it is asked for, and not after its time', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const downloads = new Downloads();
  const token = downloads.promise(() => Readable.from(['bill']), 30_000);
  expect(downloads.open(token)).toBeInstanceOf(Readable);
  vi.setSystemTime(Date.now() + 30_000);
  expect(downloads.open(token)).toBeInstanceOf(Readable);
  vi.setSystemTime(Date.now() + 1);
  expect(downloads.open(token)).toBeNull();
  expect(downloads.open('anything')).toBeNull();
});
