import { formatHostPort, isAddress, parseHostPort } from './host.js';
import { formatNameAddr, parseNameAddr } from './name-addr.js';
import { formatSipUri, parseSipUri } from './sip-uri.js';
import { parseVia, withReceived } from './via.js';

describe('a SIP URI', () => {
  it.each([
    ['sip:bob@example.test', { scheme: 'sip', user: 'bob', host: 'example.test', port: undefined }],
    [
      'SIPS:bob:pw@[2001:db8::1]:5061;transport=tcp',
      { scheme: 'sips', user: 'bob:pw', host: '2001:db8::1', port: 5061 },
    ],
    ['sip:+1555;ext=2@10.0.0.1?Subject=x', { user: '+1555;ext=2', host: '10.0.0.1' }],
    ['sip:10.0.0.1;lr', { user: undefined, host: '10.0.0.1' }],
  ])('is %s', (text, uri) => {
    expect(parseSipUri(text)).toMatchObject(uri);
  });

  it.each(['tel:+1555', 'sip:', 'sip:a@', 'sip:a@b:0', 'sip:a@b:70000', 'sip:a@[x]', 'sip:a b@c', 'sip:a@b>', 'x'])(
    'is not %s',
    (text) => {
      expect(parseSipUri(text)).toBeUndefined();
    },
  );

  it('is written as it is read', () => {
    const text = 'sips:bob@[2001:db8::1]:5061;transport=tcp;lr';
    expect(formatSipUri(parseSipUri(text)!)).toBe(text);
    expect(parseSipUri(text)?.params).toEqual(
      new Map([
        ['transport', 'tcp'],
        ['lr', ''],
      ]),
    );
  });
});

describe('a name and address', () => {
  it.each([
    ['"A \\"q\\" <x>" <sip:a@b;lr>;tag=1;x="y;z"', 'A "q" <x>', 'sip:a@b;lr', '1'],
    ['Plain Name <sip:a@b>;TAG=2', 'Plain Name', 'sip:a@b', '2'],
    ['<sip:a@b>', '', 'sip:a@b', undefined],
    ['sip:a@b;tag=3', '', 'sip:a@b', '3'],
  ])('is %s', (text, displayName, uri, tag) => {
    const read = parseNameAddr(text);
    expect(read).toMatchObject({ displayName, uri });
    expect(read?.params.get('tag')).toBe(tag);
  });

  it.each(['', '*', '<>', '<sip:a@b', '"open <sip:a@b>', '<sip:a@b> x'])('is not %j', (text) => {
    expect(parseNameAddr(text)).toBeUndefined();
  });

  it('is written with care', () => {
    expect(formatNameAddr('sip:a@b', 'A "b\\')).toBe('"A \\"b\\\\" <sip:a@b>');
    expect(() => formatNameAddr('sip:a@b>')).toThrow(TypeError);
    expect(() => formatNameAddr('sip:a@b', 'a\r\nb')).toThrow(TypeError);
  });
});

describe('a Via', () => {
  it('is read, IPv6 too', () => {
    const via = parseVia('SIP / 2.0 / udp [2001:db8::9]:5062 ;branch=z9hG4bKx;rport');
    expect(via).toMatchObject({ transport: 'UDP', host: '2001:db8::9', port: 5062 });
    expect(via?.params.get('rport')).toBe('');
    expect(parseVia('SIP/2.0/UDP')).toBeUndefined();
    expect(parseVia('SIP/3.0/UDP a')).toBeUndefined();
  });

  it('gets what the receiver saw, in place of what the sender claims', () => {
    expect(withReceived('SIP/2.0/UDP a;rport;branch=1;received=6.6.6.6', '10.0.0.1', 5070)).toBe(
      'SIP/2.0/UDP a;rport=5070;branch=1;received=10.0.0.1',
    );
    expect(withReceived('SIP/2.0/UDP a;branch=1', '::1', 1)).toBe('SIP/2.0/UDP a;branch=1;received=::1');
  });
});

describe('a host', () => {
  it('may have a port', () => {
    expect(parseHostPort('[::1]:5060')).toEqual({ host: '::1', port: 5060 });
    expect(parseHostPort('a-b.test')).toEqual({ host: 'a-b.test', port: undefined });
    expect(formatHostPort('::1', 5060)).toBe('[::1]:5060');
    expect(formatHostPort('a', undefined)).toBe('a');
    for (const text of ['', 'a:b', '::1', '-a', 'a b', '[::1', '[1.2.3.4]'])
      expect(parseHostPort(text)).toBeUndefined();
  });

  it('may be an address', () => {
    expect(['10.0.0.1', '::', '2001:db8::1', '::ffff:10.0.0.1'].map(isAddress)).toEqual([true, true, true, true]);
    expect(['10.0.0', '256.0.0.1', '01.0.0.1', 'a', ':::', '1:2', 'fe80::1%eth0'].map(isAddress)).toEqual(
      Array(7).fill(false),
    );
  });
});
