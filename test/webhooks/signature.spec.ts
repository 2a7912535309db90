import { spawnSync } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { generateSecret, signedHeaders } from '../../src/webhooks/signature.js';

const now = () => Math.floor(Date.now() / 1000);
const sign = (body: string, secrets: [string, ...string[]], timestamp = now()) =>
  signedHeaders({ id: 'msg_1', event: 'call.ended', body, timestamp, secrets });

/** As receivers of the contract do it. */
function verifyContract(body: string, signature: string, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  return signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

const PYTHON = `
import base64, hashlib, hmac, json, sys
for case in json.load(sys.stdin):
    secret, headers, body = case["secret"], case["headers"], case["body"].encode()
    contract = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(contract, headers["X-Replicer-Signature"]), "X-Replicer-Signature"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    standard = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert standard in headers["webhook-signature"].split(" "), "webhook-signature"
print("verified")
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

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

  it('are accepted by Standard Webhooks and by the code of the contract, whatever the body', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (body) => {
        const secret = generateSecret();
        const headers = sign(body, [secret]);
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
        expect(verifyContract(body, headers['X-Replicer-Signature']!, secret)).toBe(true);
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
    expect(verifyContract('{"a":2}', headers['X-Replicer-Signature']!, secret)).toBe(false);
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
    expect(verifyContract('{}', headers['X-Replicer-Signature']!, newest)).toBe(true);
  });

  (hasPython ? it : it.skip)(`are accepted by Python${hasPython ? '' : ': python3 is not installed'}`, () => {
    const bodies = ['{}', '{"name":"Zoë €"}', JSON.stringify({ transcript: 'Agent: Hi.\nCustomer: 你好' })];
    const cases = bodies.map((body) => {
      const [secret, old] = [generateSecret(), generateSecret()];
      return { secret, body, headers: sign(body, [secret, old]) };
    });
    const { stdout, stderr } = spawnSync('python3', ['-c', PYTHON], { input: JSON.stringify(cases) });
    expect([stdout.toString(), stderr.toString()]).toEqual(['verified\n', '']);
  });
});
