import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { generateSecret, signedHeaders } from '../../src/webhooks/signature.js';

const now = () => Math.floor(Date.now() / 1000);
const sign = (body: string, secrets: [string, ...string[]], timestamp = now()) =>
  signedHeaders({ id: 'msg_1', event: 'call.ended', body, timestamp, secrets });

const GUIDE = readFileSync('docs/webhooks.md', 'utf8');
/** The code block of the guide that contains the function. */
function codeOf(language: string, name: string): string {
  const blocks = GUIDE.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'));
  const code = [...blocks].map(([, each]) => each ?? '').find((each) => each.includes(` ${name}(`));
  if (code === undefined) throw new Error(`docs/webhooks.md has no ${language} code with ${name}`);
  return code;
}
const inLowerCase = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Runs code of the guide over cases, in a process of its own; returns what it printed. */
function run(program: string, args: string[], cases: unknown): unknown {
  const { stdout, stderr } = spawnSync(program, args, { input: JSON.stringify(cases) });
  expect(stderr.toString()).toBe('');
  return JSON.parse(stdout.toString());
}
const NODE_END = `
import { readFileSync } from 'node:fs';
const cases = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map(({ body, headers, secret }) => verify(body, headers, secret))));`;
const PYTHON_END = `
import json, sys
print(json.dumps([is_from_us(c["body"].encode(), c["headers"], c["secret"]) for c in json.load(sys.stdin)]))`;
const runNode = (verify: string, cases: unknown) => {
  const code = `${codeOf('js', verify)}\nconst verify = ${verify};${NODE_END}`;
  return run(process.execPath, ['--input-type=module', '-e', code], cases);
};
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** One that is right, then for each way of being wrong one. */
function cases() {
  const [secret, old] = [generateSecret(), generateSecret()];
  const body = JSON.stringify({ transcript: 'Agent: Grüße.\nCustomer: 你好 €' });
  const signed = (timestamp?: number) => inLowerCase(sign(body, [secret, old], timestamp));
  const right = { body, headers: signed(), secret };
  return {
    right,
    withOldSecret: { ...right, secret: old },
    withOtherSecret: { ...right, secret: generateSecret() },
    withOtherBody: { ...right, body: `${body} ` },
    withOtherId: { ...right, headers: { ...signed(), 'webhook-id': 'msg_2' } },
    tooOld: { ...right, headers: signed(now() - 400) },
  };
}

describe('a secret', () => {
  it('is whsec_ and 32 random bytes in base64', () => {
    const secrets = Array.from({ length: 100 }, generateSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) {
      expect(secret).toMatch(/^whsec_[0-9A-Za-z+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
  });
});

describe('the signatures', () => {
  it('are those of known values', () => {
    const headers = sign('{"a":1}', ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='], 1_614_265_330);
    // Computed with openssl: the whole secret as key, and its decoded bytes as key over id.timestamp.body.
    expect(headers).toEqual({
      'X-Replicer-Event': 'call.ended',
      'X-Replicer-Delivery-Id': 'msg_1',
      'X-Replicer-Timestamp': '1614265330',
      'X-Replicer-Signature': 'd488a3e988879b8eea3f4d70b6e3c08f6b4529f1a8de02290d753a87a7a05f4e',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,hmKHsYkaArPQWMruoVenaDLeeNJwDQHVFGaDWgCRzpk=',
    });
  });

  it('are accepted by Standard Webhooks, whatever the body', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (body) => {
        const secret = generateSecret();
        const headers = sign(body, [secret]);
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      }),
    );
  });

  it('are refused for another body, id, time or secret', () => {
    const secret = generateSecret();
    const timestamp = now();
    const headers = sign('{"a":1}', [secret], timestamp);
    const verify =
      (changes: object, body = '{"a":1}', with_ = secret) =>
      () =>
        new Webhook(with_).verify(body, { ...headers, ...changes });
    expect(verify({})).not.toThrow();
    expect(verify({}, '{"a":2}')).toThrow();
    expect(verify({ 'webhook-id': 'msg_2' })).toThrow();
    expect(verify({ 'webhook-timestamp': String(timestamp - 1) })).toThrow();
    expect(verify({}, '{"a":1}', generateSecret())).toThrow();
  });

  it('let a receiver refuse what is replayed later', () => {
    const secret = generateSecret();
    const headers = sign('{}', [secret], now() - 600);
    expect(() => new Webhook(secret).verify('{}', headers)).toThrow('too old');
  });

  it('are good for both secrets while one takes over from the other', () => {
    const [newest, old] = [generateSecret(), generateSecret()];
    const headers = sign('{}', [newest, old]);
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const secret of [newest, old]) expect(new Webhook(secret).verify('{}', headers)).toEqual({});
  });

  describe('are what the code of docs/webhooks.md verifies', () => {
    const { right, withOldSecret, withOtherSecret, withOtherBody, withOtherId, tooOld } = cases();
    const all = [right, withOldSecret, withOtherSecret, withOtherBody, withOtherId, tooOld];
    const verdicts = [true, true, false, false, false, false];

    it('in Node', () => {
      expect(runNode('isFromUs', all)).toEqual(verdicts);
    });

    (hasPython ? it : it.skip)(`in Python${hasPython ? '' : ': skipped, python3 is not installed'}`, () => {
      expect(run('python3', ['-c', codeOf('python', 'is_from_us') + PYTHON_END], all)).toEqual(verdicts);
    });

    it('in Node, the signature of the contract: of the body, with the oldest secret that is good', () => {
      const given = [right, withOldSecret, withOtherSecret, withOtherBody];
      expect(runNode('hasReplicerSignature', given)).toEqual([false, true, false, false]);
    });
  });
});
