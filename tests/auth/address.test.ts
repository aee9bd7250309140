import { describe, expect, it } from 'vitest';
import { addressOf, canonical, clientAddress, networkOf } from '../../server/auth/address.ts';
import type { AuthContext } from '../../server/auth/route.ts';
import type { AuthService } from '../../server/auth/types.ts';

const from = (remoteAddress: string | undefined, forwarded?: string): AuthContext =>
  ({
    env: {
      incoming: {
        socket: { remoteAddress },
        headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      },
    },
  }) as unknown as AuthContext;
const behind = (...trustedProxies: string[]): AuthService =>
  ({ config: { trustedProxies } }) as unknown as AuthService;

describe('canonical()', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', undefined],
    ['', undefined],
    ['127.1', undefined],
    ['0x7f000001', undefined],
    ['_hidden', undefined],
  ])('reads %s', (text, address) => {
    expect(canonical(text)).toBe(address);
  });
});

describe('networkOf()', () => {
  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['192.0.2.1', '192.0.2.1'],
    ['unknown', 'unknown'],
  ])('makes of %s %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('clientAddress()', () => {
  it.each([
    ['nobody trusted: the header is not looked at', [], '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['a caller that is no proxy writes the header', ['10.0.0.1'], '8.8.8.8', '1.1.1.1', '8.8.8.8'],
    ['a proxy', ['10.0.0.1'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['a proxy seen as IPv6', ['10.0.0.1'], '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['what the client wrote before it', ['10.0.0.1'], '10.0.0.1', '9.9.9.9, 1.1.1.1', '1.1.1.1'],
    ['two proxies', ['10.0.0.0/8'], '10.0.0.1', '9.9.9.9, 1.1.1.1, 10.2.3.4', '1.1.1.1'],
    ['only proxies', ['10.0.0.0/8'], '10.0.0.1', '10.2.3.4', '10.2.3.4'],
    ['a proxy without the header', ['10.0.0.1'], '10.0.0.1', undefined, '10.0.0.1'],
    ['a header that is no address', ['10.0.0.1'], '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['IPv6', ['fd00::/8'], 'fd00::2', '2001:db8::7', '2001:db8::7'],
    ['no connection', ['10.0.0.1'], undefined, '1.1.1.1', 'unknown'],
  ])('%s', (_case, trusted, remote, header, expected) => {
    expect(clientAddress(behind(...trusted), from(remote, header))).toBe(expected);
  });

  it('is counted by network', () => {
    expect(addressOf(behind(), from('2001:db8:1:2::77'))).toBe('2001:db8:1:2::/64');
  });
});
