import { describe, expect, it } from 'vitest';
import { settingsFor, usesSandbox } from './settings.mjs';

const MERCHANT = { ALIPAY_APP_ID: '2021', ALIPAY_GATEWAY: 'http://127.0.0.1:3101/gateway.do' };

describe('the settings of a container', () => {
  it('with the sandbox are what the sandbox wrote, and the API is where the sandbox finds it', () => {
    expect(settingsFor({ COMPOSE_PROFILES: 'sandbox' }, MERCHANT)).toEqual({
      ...MERCHANT,
      PUBLIC_URL: 'http://api:3000',
    });
  });

  it('leave alone what the environment names, and fill in what is set to nothing', () => {
    const given = { COMPOSE_PROFILES: 'sandbox', ALIPAY_APP_ID: 'ours', ALIPAY_GATEWAY: '', PUBLIC_URL: '' };
    expect(settingsFor(given, MERCHANT)).toEqual({
      ALIPAY_GATEWAY: MERCHANT.ALIPAY_GATEWAY,
      PUBLIC_URL: 'http://api:3000',
    });
  });

  it('without the sandbox are nothing but what the environment names', () => {
    expect(settingsFor({ ALIPAY_APP_ID: '2021', PUBLIC_URL: 'https://pay.example.com' }, {})).toEqual({});
    expect(settingsFor({ ALIPAY_APP_ID: '', WECHAT_APP_ID: '' }, {})).toEqual({});
  });

  it.each(['ALIPAY_APP_ID', 'WECHAT_APP_ID', 'PINGPP_APP_ID'])(
    'are refused when %s has no address to call back',
    (name) => {
      expect(() => settingsFor({ [name]: 'x', PUBLIC_URL: '' }, {})).toThrow(
        `PUBLIC_URL: missing beside ${name}`,
      );
    },
  );

  it.each([
    ['sandbox', true],
    ['monitoring, sandbox', true],
    ['', false],
    ['sandboxes', false],
  ])('know by COMPOSE_PROFILES=%s whether there is a sandbox', (profiles, expected) => {
    expect(usesSandbox({ COMPOSE_PROFILES: profiles })).toBe(expected);
  });
});
