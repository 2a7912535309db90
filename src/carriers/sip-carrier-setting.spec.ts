import { ConfigError, loadConfig } from '../config/config.js';
import { parseSipCarrier } from './sip-carrier-setting.js';

const target = (host: string, port: number | null = null, transport = 'udp') => ({ host, port, transport });

describe('parseSipCarrier', () => {
  it('is a whole carrier, with defaults for what a URI does not say', () => {
    expect(parseSipCarrier('sip:acme:secret@sip.example.com:5080;transport=tcp')).toEqual({
      kind: 'sip',
      id: 'default',
      name: 'SIP_CARRIER',
      targets: [target('sip.example.com', 5080, 'tcp')],
      credentials: { username: 'acme', password: 'secret' },
      codecs: ['PCMU', 'PCMA'],
      srtp: 'off',
      callerIdFormat: 'e164',
      numberFormat: 'e164',
      fromDomain: null,
      callsPerSecond: null,
      maxChannels: null,
      registration: false,
      verifyTls: true,
    });
  });

  it.each([
    ['sip:sip.example.com', target('sip.example.com')],
    ['SIP:sip.example.com;transport=UDP', target('sip.example.com')],
    ['sip:sip.example.com;transport=tls', target('sip.example.com', null, 'tls')],
    ['sips:sip.example.com', target('sip.example.com', null, 'tls')],
    ['sips:sip.example.com;transport=tcp', target('sip.example.com', null, 'tls')],
    ['sip:127.0.0.1:5060', target('127.0.0.1', 5060)],
    ['sip:[2001:db8::1]:5060', target('2001:db8::1', 5060)],
    ['sip:[::1];transport=tcp', target('::1', null, 'tcp')],
    ['sip:localhost:1', target('localhost', 1)],
    ['sip:_sip._udp.example.com', target('_sip._udp.example.com')],
  ])('%s', (text, expected) => {
    const carrier = parseSipCarrier(text);
    expect(carrier?.targets).toEqual([expected]);
    expect(carrier?.credentials).toBeUndefined();
  });

  it('decodes user name and password', () => {
    expect(parseSipCarrier('sip:a%40b:p%3A%2C%20%C3%A9%25@h')?.credentials).toEqual({
      username: 'a@b',
      password: 'p:, é%',
    });
  });

  it('takes several for failover, in order, with the credentials of the first', () => {
    const carrier = parseSipCarrier('sip:u:p@one;transport=tcp, sip:two:5070,sip:u:p@three');
    expect(carrier?.targets).toEqual([target('one', null, 'tcp'), target('two', 5070), target('three')]);
    expect(carrier?.credentials).toEqual({ username: 'u', password: 'p' });
  });

  const MALFORMED = [
    ...['sip.example.com', 'http://sip.example.com', 'sip:', 'sip://sip.example.com', 'sip:h?Subject=x', 'tel:+391'],
    ...['sip:u@h', 'sip::p@h', 'sip:u:@h', 'sip:u:p:q@h', 'sip:u:p@h@i', 'sip:u:p%0D%0AX@h', 'sip:u%00:p@h'],
    ...['sip:u:%E9@h', 'sip:u:%zz@h', 'sip:h:0', 'sip:h:65536', 'sip:h:', 'sip:h:x', 'sip:h:5060:5061'],
    ...['sip:h;transport=ws', 'sip:h;transport=', 'sip:h;lr', 'sip:h;transport=tcp;lr', 'sips:h;transport=udp'],
    ...['sip:1.2.3', 'sip:1.2.3.256', 'sip:01.2.3.4', 'sip:-h', 'sip:h-', 'sip:a..b', 'sip:h.', 'sip:h/x', 'sip:h x'],
    ...['sip:2001:db8::1', 'sip:[2001:db8::1', 'sip:[h]', 'sip:[1.2.3.4]', 'sip:[fe80::1%25eth0]', 'sip:[::g]'],
    ...['sip:h,', ',sip:h', 'sip:h;sip:i', 'sip:u:p@h,sip:u:q@i', 'sip:h,sip:u:p@i', 'sip:v:p@h,sip:u:p@i'],
    ...[Array.from({ length: 9 }, (_, n) => `sip:h${n}`).join(','), `sip:${'a'.repeat(64)}.example.com`, 'sip:é.it'],
  ];
  it.each(MALFORMED)('refuses %j', (text) => {
    expect(parseSipCarrier(text)).toBeUndefined();
  });
});

describe('the settings of carriers', () => {
  const load = (environment: NodeJS.ProcessEnv) => loadConfig(environment, '/dev/null');

  it('SIP_CARRIER is the default carrier', () => {
    expect(load({}).sipCarrier).toBeUndefined();
    expect(load({ SIP_CARRIER: 'sip:u:p@h' }).sipCarrier).toMatchObject({ id: 'default', targets: [target('h')] });
  });

  it.each(['a'.repeat(64), 'A'.repeat(64), `${'A'.repeat(43)}=`, 'A'.repeat(43)])('ENCRYPTION_KEY may be %s', (key) => {
    expect(load({ ENCRYPTION_KEY: key }).encryptionKey).toHaveLength(32);
  });

  it.each([
    ['SIP_CARRIER', 'sip:acme:hunter2@'],
    ...['hunter2', 'a'.repeat(63), 'a'.repeat(66), `${'A'.repeat(42)}B=`, 'A'.repeat(44), `${'A'.repeat(42)}==`].map(
      (key): [string, string] => ['ENCRYPTION_KEY', key],
    ),
  ])('refuses %s=%s in one line that names the variable and does not repeat the value', (name, value) => {
    expect(() => load({ [name]: value })).toThrow(ConfigError);
    expect(() => load({ [name]: value })).toThrow(new RegExp(`^Bad setting: ${name} must be [^\\n]+$`));
    expect(() => load({ [name]: value })).not.toThrow(value);
  });
});
