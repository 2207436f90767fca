import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createReport } from './report.mjs';

function stream(): NodeJS.WriteStream & { text: () => string } {
  const through = new PassThrough();
  let text = '';
  through.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return Object.assign(through as unknown as NodeJS.WriteStream, { columns: 60, text: () => text });
}

it('writes plain lines where there is no terminal, one for each thing that happens', () => {
  const out = stream();
  const report = createReport({ stream: out, live: false });
  const step = report.step('Temporal');
  step.note('downloading');
  step.note('downloading');
  step.done();
  step.done();
  expect(out.text().replaceAll(/[\d.]+ s/g, 'N s')).toBe('  .. Temporal: downloading\n  ok Temporal (N s)\n');
});

it('keeps the steps under way below what is finished, on a terminal', () => {
  const out = stream();
  const report = createReport({ stream: out, live: true });
  const slow = report.step('Worker');
  report.step('API').done();
  const last = out
    .text()
    .split('\u001B[2K')
    .at(-1)
    ?.replaceAll(/[\d.]+ s/g, 'N s');
  expect(last).toBe('  ok API (N s)\n  .. Worker (N s)\n');
  slow.fail('failed');
  report.close();
});

it('goes on when its reader has gone away', () => {
  const out = stream();
  const report = createReport({ stream: out, live: false });
  out.emit('error', new Error('EPIPE'));
  expect(() => report.line('still here')).not.toThrow();
});
