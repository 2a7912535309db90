/** `PORT` stands for the port of a listener on all addresses of this machine, which must never hear of these. */

const PRIVATE_IPV4 = [
  ['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.255.255.254', '0.0.0.0', '0.0.0.1', '0.255.255.255'],
  ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ['169.254.169.254', '169.254.170.2', '169.254.0.1', '100.100.100.200', '100.64.0.1', '100.127.255.255'],
  ['168.63.129.16', '192.0.0.192', '192.0.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1'],
  ['198.19.255.255', '192.88.99.1', '192.31.196.1', '192.52.193.1', '192.175.48.1'],
  ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.254', '255.255.255.255'],
].flat();

const PRIVATE_IPV6 = [
  ['::', '::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001', '::0.0.0.1', '0::1', '::2'],
  ['::127.0.0.1', '::7f00:1', '::10.0.0.1', '::a9fe:a9fe'], // IPv4-compatible
  ['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:127.0.0.1', '::ffff:0.0.0.0', '::FFFF:10.0.0.1'], // mapped
  ['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::ffff:192.168.0.1', '::ffff:8.8.8.8'],
  ['::ffff:0:127.0.0.1', '::ffff:0:7f00:1', '::ffff:0:a9fe:a9fe'], // translated (RFC 2765)
  ['64:ff9b::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::808:808'], // NAT64
  ['64:ff9b:1::127.0.0.1', '64:ff9b:1:ffff::a9fe:a9fe'], // NAT64 of a network's own
  ['2002:7f00:1::', '2002:7f00:0001::1', '2002:a9fe:a9fe::1', '2002:c0a8:1::1', '2002:a00:1::'], // 6to4
  ['2001::1', '2001:0:7f00:1::', '2001:0:4136:e378:8000:63bf:80ff:fffe', '2001:0:a9fe:a9fe:0:0:5601:5601'], // Teredo
  ['fe80::1', 'fe80::a9fe:a9fe', 'febf::1', 'fe80::5efe:127.0.0.1', 'fec0::1', 'feff::1'], // link, site, ISATAP
  ['fc00::1', 'fd00::1', 'fd00:ec2::254', 'fd20:ce::254', 'fdff:ffff::1'], // unique local, metadata of clouds
  ['ff00::1', 'ff02::1', 'ff05::1:3', 'ff0e::1'], // multicast
  ['2001:db8::1', '3fff::1', '2001:2::1', '2001:10::1', '2001:20::1', '2001:4:112::1', '2620:4f:8000::1'],
  ['100::1', '100:0:0:1::1', '5f00::1', '4000::1', '8000::1', 'e000::1', '200::1', '400::7f00:1', '1fff::1'],
].flat();

const loopbackForms = [
  // Fewer parts, and one number
  ['127.1', '127.0.1', '2130706433', '0x7f000001', '0x7F000001', '017700000001', '0x7f.1', '0177.1', '127.0x1'],
  // Octal and hexadecimal parts, zeros before them, mixtures
  ['0177.0.0.1', '0177.0000.0000.0001', '00000177.0.0.1', '0x7f.0.0.1', '0x7f.0x0.0x0.0x1', '0x7f.00.0x0.1'],
  ['127.0.0.0x1', '127.0.00.01', '127.000.000.001', '0x0000007f.0.0.1', '127.0.0x0001', '0177.0x0.1', '127.65535'],
  ['0', '0x0', '00', '0.0', '0.0.0', '0x', '0x.0x.0x.0x'],
  // Digits and dots that become plain ones
  ['１２７.０.０.１', '①②⑦.⓪.⓪.①', '127。0。0。1', '127．0．0．1', '127｡0｡0｡1', '𝟏𝟐𝟕.𝟎.𝟎.𝟏', '⑫7.0.0.1', '０ｘ７ｆ.１'],
  // Escaped
  ['%31%32%37.0.0.1', '127.0.0.%31', '127%2e0%2e0%2e1', '%30x7f.1', '127%E3%80%820.0.1'],
  // What is left out when a host is read
  ['127.0.0.1\u00ad', '12\u200b7.0.0.1', '\u2060127.0.0.1', '1\u00ad27.0.0.1'],
].flat();

const otherForms = [
  ['2852039166', '0xa9fea9fe', '025177524776', '0251.0376.0251.0376', '0xa9.0xfe.0xa9.0xfe', '169.254.43518'],
  ['169.16689662', '0xA9.254.0251.254', '169。254。169。254', '１６９.２５４.１６９.２５４', '①⑥⑨.②⑤④.①⑥⑨.②⑤④'],
  ['167772161', '0xa000001', '012.1', '10.1', '3232235521', '0xc0a80001', '192.168.1', '0300.0250.0.1', '172.1048577'],
  ['4294967295', '0xffffffff', '037777777777', '3758096385', '1684301000', '0x646464c8'],
].flat();

const NAMES = [
  [
    'localhost',
    'LOCALHOST',
    'LocalHost',
    'ｌｏｃａｌｈｏｓｔ',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'local\u00adhost',
    'loc%61lhost',
    '%6cocalhost',
    'ℒocalhost',
  ],
  [
    'a.localhost',
    'a.b.LOCALHOST',
    'localhost.localdomain',
    'localhost6',
    'ip6-localhost',
    'ip6-loopback',
    'broadcasthost',
  ],
  ['metadata', 'instance-data', 'kubernetes', 'redis', 'postgres', 'host', 'router', 'intranet'],
  ['metadata.google.internal', 'metadata.goog.internal', 'host.docker.internal', 'gateway.docker.internal'],
  ['kubernetes.default.svc.cluster.local', 'printer.local', 'server.lan', 'nas.home', 'files.corp', 'nas.home.arpa'],
  ['a.private', 'wiki.intranet', 'hidden.onion', 'a.alt', 'a.test', 'a.invalid', 'a.example', 'lan。server。lan'],
].flat();

/** Not an address of the form we take, whatever other parsers make of them. */
const MALFORMED = [
  [
    '',
    ' ',
    'x',
    '//127.0.0.1:PORT/',
    '/path',
    '127.0.0.1:PORT',
    'localhost:PORT',
    '?',
    '#',
    'http:',
    'http://',
    'http:///',
  ],
  ['http:127.0.0.1:PORT', 'http:/127.0.0.1:PORT', 'http:///127.0.0.1:PORT', 'http:////127.0.0.1:PORT/'],
  [
    'http:\\\\127.0.0.1:PORT',
    'http:/\\127.0.0.1:PORT',
    'http://\\127.0.0.1:PORT',
    'http://93.184.216.34\\@127.0.0.1:PORT',
  ],
  [' http://127.0.0.1:PORT', 'http://127.0.0.1:PORT ', 'http://127.0.0.1:PORT/a b', 'ht\ntp://127.0.0.1:PORT'],
  [
    'http://127.0.0.1:\tPORT/',
    'http://127.0.0\n.1:PORT/',
    'http://127.0.0.1\r\n:PORT',
    'http://127.0.0.1:PORT/\r\nX: y',
  ],
  ['http://127.0.0.1\0.example.com:PORT', 'http://127.0.0.1%00.example.com:PORT', 'http://127.0.0.1%0a:PORT'],
  [
    'http://[::1',
    'http://::1:PORT',
    'http://[::1]PORT',
    'http://[127.0.0.1]:PORT',
    'http://[::1%25lo]:PORT',
    'http://[::1%lo]:PORT',
  ],
  [
    'http://[fe80::1%25eth0]:PORT',
    'http://[fe80::1%eth0]:PORT',
    'http://[::1%250]:PORT',
    'http://[:::1]:PORT',
    'http://[::1::]:PORT',
  ],
  [
    'http://256.0.0.1:PORT',
    'http://127.0.0.1.:PORT',
    'http://127.0.0.1..:PORT',
    'http://1.2.3.4.5:PORT',
    'http://127.0.0.08:PORT',
  ],
  [
    'http://4294967296:PORT',
    'http://0x100000000:PORT',
    'http://0x7f.0.0.0.1:PORT',
    'http://127..1:PORT',
    'http://.127.0.0.1:PORT',
  ],
  [
    'http://localhost.:PORT',
    'http://localhost..:PORT',
    'http://example.com.:PORT',
    'http://a.localhost.:PORT',
    'http://localhost。:PORT',
  ],
  [
    'http://93.184.216.34:0',
    'http://93.184.216.34:65536',
    'http://93.184.216.34:-1',
    'http://93.184.216.34:PORTx',
    'http://93.184.216.34:00',
  ],
  [
    'http://user@127.0.0.1:PORT',
    'http://user:pass@127.0.0.1:PORT',
    'http://@127.0.0.1:PORT',
    'http://:@127.0.0.1:PORT',
  ],
  ['http://example.com@127.0.0.1:PORT', 'http://example.com:80@127.0.0.1:PORT', 'http://example.com%40127.0.0.1:PORT'],
  [
    'http://user:pass@example.com/',
    'https://token@example.com/',
    'http://127.0.0.1:PORT@example.com/',
    'http://a@b@127.0.0.1:PORT',
  ],
  [
    'file:///etc/passwd',
    'ftp://127.0.0.1:PORT/',
    'gopher://127.0.0.1:PORT/_GET',
    'data:text/plain,x',
    'ws://127.0.0.1:PORT',
  ],
  [
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
    'blob:http://127.0.0.1:PORT/a',
  ],
  [
    'dict://127.0.0.1:PORT/',
    'ldap://127.0.0.1:PORT/',
    'jar:http://127.0.0.1:PORT!/',
    'view-source:http://127.0.0.1:PORT',
  ],
  [
    'http://exa mple.com',
    'http://exa<mple.com',
    'http://exa|mple.com',
    'http://exa^mple.com',
    'http://xn--/',
    'http://xn--a/',
  ],
  [`http://example.com/${'a'.repeat(2048)}`],
].flat();

const withPort = (host: string): string => `http://${host}:PORT/hook`;

/** Refused as they are written. */
export const HOSTILE_URLS = [
  ...PRIVATE_IPV4.map(withPort),
  ...PRIVATE_IPV6.map((host) => withPort(`[${host}]`)),
  ...[...loopbackForms, ...otherForms, ...NAMES].map(withPort),
  ...['127.0.0.1', '[::1]', 'localhost', '169.254.169.254'].map((host) => `https://${host}:PORT/hook`),
  ...MALFORMED,
];

/** What a name server may answer that must refuse the name: each private address alone, and among public ones. */
export const HOSTILE_ANSWERS: readonly (readonly string[])[] = [
  ...[...PRIVATE_IPV4, ...PRIVATE_IPV6].map((address) => [address]),
  ['93.184.216.34', '127.0.0.1'],
  ['127.0.0.1', '93.184.216.34'],
  ['93.184.216.34', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '::1'],
  ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', '10.0.0.1'],
  ['93.184.216.34', '93.184.216.35', '169.254.169.254'],
  ['fe80::1%1'],
  ['fe80::1%eth0'],
  ['not an address'],
];
