import { describe, expect, it } from 'vitest';
import { isVariable, plainText, resolveVariables, variablesIn } from './variables.js';

const variable = (key: string): object => ({ from: 'config', key });

describe('a variable', () => {
  it.each([
    ['from and key', { from: 'config', key: 'K' }, true],
    ['another from, which is meant as one', { from: 'env', key: 'K' }, true],
    ['from alone', { from: 'config' }, false],
    ['a field more', { from: 'config', key: 'K', x: 1 }, false],
    ['a list', ['from', 'key'], false],
    ['null', null, false],
    ['text', 'config', false],
  ])('is an object of %s', (_what, value, is) => {
    expect(isVariable(value)).toBe(is);
  });

  it('is found at any depth, each key once', () => {
    const values = { a: variable('A'), b: [variable('B'), { c: variable('A') }], d: 'A' };
    expect(variablesIn(values)).toEqual(['A', 'B']);
    expect(variablesIn(variable('A'))).toEqual(['A']);
    expect(variablesIn('A')).toEqual([]);
  });

  it('is replaced by its setting, whatever that holds', () => {
    const settings = new Map<string, unknown>([
      ['A', 'text'],
      ['B', { deep: [1] }],
      ['C', null],
    ]);
    const values = { a: variable('A'), b: [variable('B')], c: variable('C'), d: 7, e: null };
    expect(resolveVariables(values, settings)).toEqual({
      a: 'text',
      b: [{ deep: [1] }],
      c: null,
      d: 7,
      e: null,
    });
    expect(values.a).toEqual(variable('A'));
  });

  it('is not read again out of what a setting holds', () => {
    const settings = new Map<string, unknown>([
      ['A', variable('SECRET')],
      ['SECRET', 'hidden'],
    ]);
    expect(resolveVariables({ a: variable('A') }, settings)).toEqual({ a: variable('SECRET') });
  });
});

describe('plain text', () => {
  it.each([
    ['', true],
    ['参数2', true],
    ['a\nb', true],
    ['😀', true],
    ['a\u0000', false],
    ['\ud83d', false],
    ['a\ude00b', false],
  ])('%j', (text, plain) => {
    expect(plainText(text)).toBe(plain);
  });
});
