import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import './index.js';

describe('alipay-sdk', () => {
  it('leaves the sockets of others alone: one error may end two of them', async () => {
    const error = new Error('the name was not found');
    const ended = [new Socket(), new Socket()].map(
      (socket) =>
        new Promise((resolve) => {
          socket.on('error', resolve);
          socket.destroy(error);
        }),
    );
    expect(await Promise.all(ended)).toEqual([error, error]);
    expect(Object.getOwnPropertySymbols(error)).toEqual([]);
  });
});
