import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig, StartError } from './config.js';

describe('readConfig', () => {
  it.each([
    [{}, { home: resolve('.holdfast'), port: 3100, speed: 1, merchantUrl: 'http://127.0.0.1:3000' }],
    [
      { SANDBOX_PORT: '', SANDBOX_SPEED: '' },
      { home: resolve('.holdfast'), port: 3100, speed: 1, merchantUrl: 'http://127.0.0.1:3000' },
    ],
    [
      { HOLDFAST_HOME: '/var/x', SANDBOX_PORT: '65530', SANDBOX_SPEED: '600', PORT: '80' },
      { home: '/var/x', port: 65_530, speed: 600, merchantUrl: 'http://127.0.0.1:80' },
    ],
    [
      { PUBLIC_URL: 'https://pay.example.com' },
      { home: resolve('.holdfast'), port: 3100, speed: 1, merchantUrl: 'https://pay.example.com' },
    ],
    [
      { SANDBOX_SPEED: '0.5' },
      { home: resolve('.holdfast'), port: 3100, speed: 0.5, merchantUrl: 'http://127.0.0.1:3000' },
    ],
  ])('reads %j', (env, config) => {
    expect(readConfig(env)).toEqual(config);
  });

  it.each([
    [{ SANDBOX_PORT: 'http' }, 'SANDBOX_PORT=http is not usable: must be a port number.'],
    [{ SANDBOX_PORT: '0' }, 'SANDBOX_PORT=0 is not usable: must be 1 to 65530, to leave room for 6 ports.'],
    [
      { SANDBOX_PORT: '65531' },
      'SANDBOX_PORT=65531 is not usable: must be 1 to 65530, to leave room for 6 ports.',
    ],
    [{ SANDBOX_SPEED: '0' }, 'SANDBOX_SPEED=0 is not usable: must be more than 0 and at most 1000000.'],
    [{ SANDBOX_SPEED: '-1' }, 'SANDBOX_SPEED=-1 is not usable: must be a positive number such as 1 or 600.'],
    [
      { SANDBOX_SPEED: '1e3' },
      'SANDBOX_SPEED=1e3 is not usable: must be a positive number such as 1 or 600.',
    ],
  ])('refuses %j in one line that names the variable', (env, message) => {
    expect(() => readConfig(env)).toThrow(new StartError(message));
  });
});
