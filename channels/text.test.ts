import { describe, expect, it } from 'vitest';
import { cutText, decodeUtf8 } from './text.js';

describe('texts for providers', () => {
  it.each([
    ['short', 127, 'short'],
    ['一二三四', 3, '一二三'],
    ['a🐼b', 2, 'a'],
    ['a🐼b', 3, 'a🐼'],
    ['𠮷野家', 2, '𠮷'],
    ['𠮷野家', 1, ''],
  ])('cuts %s to %i units and halves no character', (text, longest, cut) => {
    expect(cutText(text, longest)).toBe(cut);
  });

  it('decodes signed bytes exactly or not at all', () => {
    expect(decodeUtf8(Buffer.from('支付成功'))).toBe('支付成功');
    expect(decodeUtf8(Buffer.from([0xef, 0xbb, 0xbf, 0x7b]))).toBe('\uFEFF{');
    expect(decodeUtf8(Buffer.from([0x7b, 0xff]))).toBeUndefined();
  });
});
