/** S6: which addresses are the public internet's, and which URLs are taken. */
import { describe, expect, it } from 'vitest';
import { refusalOf } from '../test/support/errors.js';
import { isPublicAddress } from './address.js';
import { outgoingUrl } from './url.js';

const PUBLIC = ['8.8.8.8', '1.1.1.1', '93.184.215.14', '::ffff:8.8.8.8', '2606:4700::1111', '2a00:1450::1'];

const NOT_PUBLIC = [
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['this host', '0.0.0.0', '0.1.2.3', '::'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fd12:3456::1'],
  [
    'link-local, where clouds keep their metadata',
    '169.254.169.254',
    '169.254.170.2',
    'fe80::1',
    'fe80::1%eth0',
  ],
  ['other metadata services', '100.100.100.200', 'fd00:ec2::254', '192.0.0.192'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.254'],
  ['multicast and broadcast', '224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1'],
  ['reserved', '240.0.0.1', '192.0.0.1', '192.88.99.1', '198.18.0.1', '100::1'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  [
    'IPv4 inside IPv6',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
  ],
  ['NAT64', '64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1'],
  ['6to4, Teredo and their like', '2002:7f00:1::', '2001:0:4136::1', 'fec0::1', '2001:10::1'],
  ['no address at all', '', 'localhost', '1.2.3', '999.1.1.1', '::g'],
] as const;

describe('S6 addresses', () => {
  it.each(PUBLIC)('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(NOT_PUBLIC.map(([kind, ...addresses]) => ({ kind, addresses })))(
    '$kind is not',
    ({ addresses }) => {
      expect(addresses.filter(isPublicAddress)).toEqual([]);
    },
  );
});

describe('S6 URLs', () => {
  const open = { allowPrivate: true };
  const closed = { allowPrivate: false };
  const refused = (url: string, setting = closed): Promise<string> =>
    refusalOf(Promise.resolve().then(() => outgoingUrl(url, setting))).then(({ message }) => message);

  it.each(['https://shop.example.com/hooks?x=1', 'https://8.8.8.8:8443/', 'https://[2606:4700::1111]/'])(
    'takes %s',
    (url) => {
      expect(outgoingUrl(url, closed).href).toBe(url);
    },
  );

  it.each([
    'https://127.1/',
    'https://127.0.0.1:8443/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://2130706433/',
    'https://0/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://169.254.169.254/latest/meta-data',
    'https://１２７.0.0.1/',
    'https://10.0.0.1/',
  ])('refuses %s, however the address is written', async (url) => {
    expect(await refused(url)).toContain('public address');
    expect(outgoingUrl(url, open).protocol).toBe('https:');
  });

  it.each([
    ['http://shop.example.com/', 'https://'],
    ['ftp://shop.example.com/', 'https://'],
    ['file:///etc/passwd', 'https://'],
    ['gopher://127.0.0.1:6379/', 'https://'],
    ['https://user@shop.example.com/', 'user name'],
    ['https://user:secret@shop.example.com/', 'user name'],
    ['https://public.example.com@127.0.0.1/', 'user name'],
    ['https://shop.example.com/#part', 'fragment'],
    ['shop.example.com', 'must be a URL'],
    ['https://', 'must be a URL'],
    [`https://shop.example.com/${'x'.repeat(2_048)}`, 'must be a URL'],
  ])('refuses %s', async (url, why) => {
    expect(await refused(url)).toContain(why);
  });

  it('takes http where private addresses are allowed, and no other protocol', async () => {
    expect(outgoingUrl('http://127.0.0.1:8080/x', open).href).toBe('http://127.0.0.1:8080/x');
    expect(await refused('file:///etc/passwd', open)).toContain('https://');
  });
});
