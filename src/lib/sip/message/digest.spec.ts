import { answerChallenge, chooseChallenges, parseChallenge, type DigestChallenge } from './digest.js';
import { DigestClient } from '../transaction/digest-client.js';
import { newRequest, SipHeaders, type SipRequest, type SipResponse } from './sip-message.js';

/** RFC 7616 section 3.9.1. */
const RFC = {
  username: 'Mufasa',
  password: 'Circle of Life',
  method: 'GET',
  uri: '/dir/index.html',
  body: Buffer.alloc(0),
  nonceCount: 1,
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
};
const challenge = (algorithm: string, more = ''): DigestChallenge =>
  parseChallenge(
    'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ' +
      `opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", algorithm=${algorithm}${more}`,
  )!;

describe('an answer', () => {
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('with %s is that of RFC 7616', (algorithm, response) => {
    const answer = answerChallenge({ ...RFC, challenge: challenge(algorithm) });
    expect(answer).toContain(`response="${response}"`);
    expect(answer).toContain(`algorithm=${algorithm}`);
    expect(answer).toContain('qop=auth, nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"');
    expect(answer).toContain('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"');
  });

  it('without qop is that of RFC 2069', () => {
    const old = parseChallenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')!;
    const answer = answerChallenge({ ...RFC, password: 'Circle Of Life', challenge: old });
    expect(answer).toContain('response="670fd8c2df070c60b045671b8b24ff02"');
    expect(answer).not.toMatch(/qop|cnonce|nc=|algorithm/);
  });

  it('covers the body, the session, the count and the hash that are asked for', () => {
    const responses = ['MD5', 'MD5-sess', 'SHA-256-sess', 'SHA-512-256'].flatMap((algorithm) =>
      [1, 2].map((nonceCount) => answerChallenge({ ...RFC, nonceCount, challenge: challenge(algorithm) })),
    );
    const integrity = { ...challenge('MD5'), qop: 'auth-int' } as const;
    const bodies = ['a', 'b'].map((body) => answerChallenge({ ...RFC, body: Buffer.from(body), challenge: integrity }));
    const found = [...responses, ...bodies].map((answer) => /response="(\w+)"/.exec(answer)?.[1]);
    expect(new Set(found).size).toBe(10);
    expect(bodies[0]).toContain('qop=auth-int');
  });
});

describe('challenges', () => {
  it('of each realm are answered with the strongest', () => {
    const values = ['MD5', 'SHA-512-256', 'SHA-256', 'FUTURE-1'].map(
      (name) => `Digest realm="a", nonce="${name}", algorithm=${name}`,
    );
    expect(chooseChallenges([...values, 'Digest realm="b", nonce="x"', 'Basic realm="c"'], undefined)).toMatchObject([
      { realm: 'a', algorithm: 'SHA-512-256' },
      { realm: 'b', algorithm: 'MD5' },
    ]);
    expect(chooseChallenges(values, 'b')).toEqual([]);
  });

  it.each(['', 'Digest', 'Digest realm="a"', 'Digest nonce="a"', 'Digest realm="a", nonce="b", qop="future"'])(
    'cannot be %j',
    (text) => {
      expect(parseChallenge(text)).toBeUndefined();
    },
  );

  it('know stale in any case', () => {
    expect([', stale=TRUE', ', stale="true"', ', stale=false', ''].map((more) => challenge('MD5', more).stale)).toEqual(
      [true, true, false, false],
    );
  });
});

describe('a client', () => {
  const asked = (status: number, ...challenges: string[]): SipResponse => {
    const headers = new SipHeaders();
    headers.set(status === 407 ? 'proxy-authenticate' : 'www-authenticate', challenges);
    return { kind: 'response', status, phrase: '', headers, body: Buffer.alloc(0) };
  };
  const authorized = (client: DigestClient): SipRequest => {
    const request = newRequest('INVITE', 'sip:a@b');
    client.authorize(request);
    return request;
  };

  it('counts the uses of a nonce, and begins again with another', () => {
    const client = new DigestClient({ username: 'a', password: 'b' }, () => 'c');
    expect(authorized(client).headers.get('authorization')).toBeUndefined();
    expect(client.exchange()(asked(401, 'Digest realm="r", nonce="1", qop="auth"'))).toBe(true);
    const counts = [1, 2].map(() => /nc=(\d+)/.exec(authorized(client).headers.get('authorization') ?? '')?.[1]);
    expect(counts).toEqual(['00000001', '00000002']);
    expect(client.exchange()(asked(401, 'Digest realm="r", nonce="2", qop="auth"'))).toBe(true);
    expect(authorized(client).headers.get('authorization')).toContain('nc=00000001');
  });

  it('logs in at proxy and far end', () => {
    const client = new DigestClient({ username: 'a', password: 'b' });
    const mayAnswer = client.exchange();
    expect(mayAnswer(asked(407, 'Digest realm="p", nonce="1"'))).toBe(true);
    expect(mayAnswer(asked(401, 'Digest realm="p", nonce="1"'))).toBe(true);
    const { headers } = authorized(client);
    expect([headers.all('authorization').length, headers.all('proxy-authorization').length]).toEqual([1, 1]);
  });

  it('gives up when it was refused, but not for stale nonces, and not for ever', () => {
    const client = new DigestClient({ username: 'a', password: 'b' });
    const refused = client.exchange();
    expect(refused(asked(401, 'Digest realm="r", nonce="1"'))).toBe(true);
    expect(refused(asked(401, 'Digest realm="r", nonce="2"'))).toBe(false);
    const stale = client.exchange();
    const answers = [1, 2, 3, 4].map((nonce) => stale(asked(401, `Digest realm="r", nonce="${nonce}", stale=true`)));
    expect(answers).toEqual([true, true, true, false]);
    expect(new DigestClient(undefined).exchange()(asked(401, 'Digest realm="r", nonce="1"'))).toBe(false);
  });
});
