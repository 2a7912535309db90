import { problemsIn } from '../../test/agents/agent-problems.js';

const HTTP = {
  type: 'http',
  name: 'find_order',
  description: 'Finds an order',
  url: 'https://shop.example.com/orders',
};
const TRANSFER = { type: 'transfer_call', targets: [{ number: '+14155550123', description: 'Sales' }] };
const check = (tools: unknown) => problemsIn({ tools });
/** The paths of what is wrong. */
const paths = (tools: unknown) => check(tools).map(({ path }) => path);

describe('the tools of an agent', () => {
  it.each([
    ['none', []],
    ['those of the settings', [{ type: 'end_call' }, { type: 'send_dtmf' }, { type: 'leave_voicemail' }]],
    ['a transfer', [TRANSFER]],
    ['a transfer with all that it can have', [{ ...TRANSFER, mode: 'refer', ringSeconds: 5 }]],
    ['a request', [HTTP]],
    ['two requests', [HTTP, { ...HTTP, name: 'find_order_2' }]],
    [
      'a request with all that it can have',
      [
        {
          ...HTTP,
          parameters: { type: 'object', properties: { n: { type: 'string' } } },
          method: 'DELETE',
          headers: { Accept: 'application/json' },
          secretHeaders: { Authorization: 'Bearer x' },
          timeoutMs: 30_000,
          filler: 'One moment.',
        },
      ],
    ],
  ])('may be %s', (_, tools) => {
    expect(check(tools)).toEqual([]);
  });

  it.each([
    ['no list', {}, 'tools'],
    ['too many', Array.from({ length: 21 }, (_, n) => ({ ...HTTP, name: `t${n}` })), 'tools'],
    ['no object', [[]], 'tools[0]'],
    ['no type', [{}], 'tools[0].type'],
    ['an unknown type', [HTTP, { type: 'sing' }], 'tools[1].type'],
    ['a type of an inherited name', [{ type: 'constructor' }], 'tools[0].type'],
    ['a field that is not known', [{ type: 'end_call', when: 'now' }], 'tools[0].when'],
    ['a field with a typo', [{ ...HTTP, timeoutms: 600 }], 'tools[0].timeoutms'],
    ['a field of an inherited name', [JSON.parse('{"type":"end_call","__proto__":1}')], 'tools[0].__proto__'],
    ['one type twice', [{ type: 'end_call' }, { type: 'end_call' }], 'tools[1].type'],
    ['one name twice', [HTTP, { type: 'end_call' }, HTTP], 'tools[2].name'],
    ['the name of ours', [{ ...HTTP, name: 'end_call' }], 'tools[0].name'],
    ['a name with capitals', [{ ...HTTP, name: 'findOrder' }], 'tools[0].name'],
    ['a name too long', [{ ...HTTP, name: 'a'.repeat(65) }], 'tools[0].name'],
    ['no name', [{ ...HTTP, name: undefined }], 'tools[0].name'],
    ['null', [{ ...HTTP, filler: null }], 'tools[0].filler'],
    ['no description', [{ ...HTTP, description: '' }], 'tools[0].description'],
    ['a schema of another type', [{ ...HTTP, parameters: { type: 'string' } }], 'tools[0].parameters'],
    ['another method', [{ ...HTTP, method: 'get' }], 'tools[0].method'],
    ['timeout too short', [{ ...HTTP, timeoutMs: 499 }], 'tools[0].timeoutMs'],
    ['timeout too long', [{ ...HTTP, timeoutMs: 30_001 }], 'tools[0].timeoutMs'],
    ['no targets', [{ type: 'transfer_call' }], 'tools[0].targets'],
    ['an empty list of targets', [{ ...TRANSFER, targets: [] }], 'tools[0].targets'],
    [
      'too many targets',
      [{ ...TRANSFER, targets: Array.from({ length: 21 }, () => TRANSFER.targets[0]) }],
      'tools[0].targets',
    ],
    [
      'a target without +',
      [{ ...TRANSFER, targets: [TRANSFER.targets[0], { number: '14155550123', description: 'x' }] }],
      'tools[0].targets[1].number',
    ],
    [
      'a target that is not described',
      [{ ...TRANSFER, targets: [{ number: '+14155550123' }] }],
      'tools[0].targets[0].description',
    ],
    ['another mode', [{ ...TRANSFER, mode: 'blind' }], 'tools[0].mode'],
    ['too long a ring', [{ ...TRANSFER, ringSeconds: 121 }], 'tools[0].ringSeconds'],
    ['half a second', [{ ...TRANSFER, ringSeconds: 5.5 }], 'tools[0].ringSeconds'],
  ])('may not have %s', (_, tools, path) => {
    expect(paths(tools)).toEqual([path]);
  });

  it.each([
    '/orders',
    'shop.example.com/orders',
    'ftp://shop.example.com/',
    'https:shop.example.com',
    'https://',
    'https://user:secret@shop.example.com/',
    'https://user@shop.example.com/',
    'https://shop.example.com/#part',
    'https://shop.example.com/a b',
    'https://shop.example.com/\n',
    ' https://shop.example.com/',
    'https:\\\\shop.example.com\\',
    `https://shop.example.com/${'x'.repeat(2_000)}`,
    7,
  ])('may not send requests to %j', (url) => {
    expect(paths([{ ...HTTP, url }])).toEqual(['tools[0].url']);
  });

  it.each([
    ['Host', 'x'],
    ['content-length', '0'],
    ['Transfer-Encoding', 'chunked'],
    ['CONNECTION', 'close'],
    ['X Y', 'x'],
    ['X:', 'x'],
    ['', 'x'],
    ['X-Name', 'a\r\nX-Other: b'],
    ['X-Name', 'é'],
    ['X-Name', ''],
    ['X-Name', 1],
    ['X-Name', 'x'.repeat(4_001)],
  ])('may not send the header %j: %j', (name, value) => {
    for (const field of ['headers', 'secretHeaders'])
      expect(paths([{ ...HTTP, [field]: { [name]: value } }])).toEqual([`tools[0].${field}.${name}`]);
  });

  it('may not send a header twice, in whatever case', () => {
    const twice = { headers: { 'X-Key': 'a' }, secretHeaders: { 'x-key': 'b' } };
    expect(paths([{ ...HTTP, ...twice }])).toEqual(['tools[0].secretHeaders.x-key']);
    expect(paths([{ ...HTTP, headers: { A: '1', a: '2' } }])).toEqual(['tools[0].headers.a']);
  });

  it('may not send more headers than anybody needs', () => {
    const headers = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x-${n}`, 'x']));
    expect(paths([{ ...HTTP, headers }])).toEqual(['tools[0].headers']);
  });

  it('may not be more than 50 kB together', () => {
    const big = (n: number) => ({ ...HTTP, name: `t${n}`, headers: { a: 'x'.repeat(4_000), b: 'x'.repeat(4_000) } });
    expect(check([0, 1, 2, 3, 4].map(big))).toEqual([]);
    expect(check([0, 1, 2, 3, 4, 5, 6].map(big))).toEqual([
      { path: 'tools', problem: 'must be at most 50 kB of JSON' },
    ]);
  });

  it('are told of each problem at once', () => {
    const tools = [{ ...HTTP, url: 'x', method: 'x' }, { type: 'sing' }];
    expect(paths(tools)).toEqual(['tools[0].url', 'tools[0].method', 'tools[1].type']);
  });
});
