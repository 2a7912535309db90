import { parseSdp } from './sdp-parse.js';
import { answerOffer, buildOffer, negotiate, newSrtpKey, type SdpOptions } from './sdp.js';

const LOCAL = { address: '10.0.0.1', port: 40_000, rtcpPort: 40_001 };
const OPTIONS: SdpOptions = { codecs: ['PCMU', 'PCMA'], sessionId: '7', version: 1 };
const KEYS = [newSrtpKey('AES_CM_128_HMAC_SHA1_80'), newSrtpKey('AES_CM_128_HMAC_SHA1_32')];
const SECURE: SdpOptions = { ...OPTIONS, srtpKeys: KEYS };
const THEIR_KEY = newSrtpKey('AES_CM_128_HMAC_SHA1_80').key;

const remote = (lines: string[], media = 'm=audio 5000 RTP/AVP 8 0 101', session: string[] = []): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', ...session, 't=0 0', media, ...lines, ''].join(
    '\r\n',
  );
const DTMF = 'a=rtpmap:101 telephone-event/8000';

function agreed(answer: string, options = OPTIONS) {
  const result = negotiate(answer, options);
  if (!result.ok) throw new Error(result.problem);
  return result.media;
}

describe('an offer', () => {
  it('says what we can', () => {
    expect(buildOffer(LOCAL, { ...OPTIONS, codecs: ['PCMA', 'PCMU'] }).split('\r\n')).toEqual([
      'v=0',
      'o=- 7 1 IN IP4 10.0.0.1',
      's=-',
      'c=IN IP4 10.0.0.1',
      't=0 0',
      'm=audio 40000 RTP/AVP 8 0 101',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
      'a=ptime:20',
      'a=sendrecv',
      '',
    ]);
  });

  it('of IPv6, shared RTCP, hold and keys says so', () => {
    const media = { address: '2001:db8::1', port: 40_000, rtcpPort: 40_000 };
    const sdp = buildOffer(media, { ...SECURE, direction: 'sendonly' });
    expect(sdp).toContain('c=IN IP6 2001:db8::1\r\n');
    expect(sdp).toContain('m=audio 40000 RTP/SAVP 0 8 101\r\n');
    expect(sdp).toContain(`a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${KEYS[1]!.key}\r\n`);
    expect(sdp).toContain('a=rtcp-mux\r\n');
    expect(sdp).toContain('a=sendonly\r\n');
    expect(buildOffer({ ...LOCAL, rtcpPort: 40_005 }, OPTIONS)).toContain('a=rtcp:40005\r\n');
  });
});

describe('an answer', () => {
  it('is agreed on', () => {
    expect(agreed(remote([DTMF, 'a=ptime:30']))).toEqual({
      address: '192.0.2.1',
      port: 5_000,
      rtcpPort: 5_001,
      codec: 'PCMA',
      payloadTypes: { PCMU: 0, PCMA: 8 },
      dtmfPayloadType: 101,
      ptimeMs: 30,
      sends: true,
      receives: true,
      srtp: undefined,
    });
  });

  it.each([
    ['a=sendrecv', true, true],
    ['a=sendonly', false, true],
    ['a=recvonly', true, false],
    ['a=inactive', false, false],
    ['c=IN IP4 0.0.0.0', false, true],
  ])('with %s sends %s, receives %s', (line, sends, receives) => {
    expect(agreed(remote([line]))).toMatchObject({ sends, receives });
    const [, value = ''] = line.split('=');
    if (line.startsWith('a=')) expect(agreed(remote([], undefined, [`a=${value}`]))).toMatchObject({ sends, receives });
  });

  it('to our hold leaves us sending alone', () => {
    expect(agreed(remote(['a=recvonly']), { ...OPTIONS, direction: 'sendonly' })).toMatchObject({
      sends: true,
      receives: false,
    });
    expect(agreed(remote([]), { ...OPTIONS, direction: 'inactive' })).toMatchObject({ sends: false, receives: false });
  });

  it.each([
    [['a=rtcp-mux'], { rtcpPort: 5_000 }],
    [['a=rtcp:6000'], { rtcpPort: 6_000 }],
    [['a=rtcp:6000 IN IP4 192.0.2.9'], { rtcpPort: 6_000 }],
    [['c=IN IP6 2001:db8::5'], { address: '2001:db8::5' }],
    [['a=ptime:25'], { ptimeMs: 20 }],
    [['a=ptime:500'], { ptimeMs: 60 }],
    [['a=ptime:0'], { ptimeMs: 10 }],
    [['a=maxptime:10'], { ptimeMs: 10 }],
    [['a=rtpmap:101 telephone-event/16000'], { dtmfPayloadType: undefined }],
    [['a=rtpmap:8 G729/8000'], { codec: 'PCMU', payloadTypes: { PCMU: 0 } }],
  ])('with %j is %j', (lines, media) => {
    expect(agreed(remote(lines))).toMatchObject(media);
  });

  it('may number codecs anew', () => {
    const answer = remote(
      ['a=rtpmap:97 PCMU/8000/1', 'a=rtpmap:98 telephone-event/8000'],
      'm=audio 5000 RTP/AVP 97 98',
    );
    expect(agreed(answer)).toMatchObject({ codec: 'PCMU', payloadTypes: { PCMU: 97 }, dtmfPayloadType: 98 });
  });

  it.each([
    ['nothing', ''],
    ['no description', 'hello'],
    ['no audio', remote([], 'm=video 5000 RTP/AVP 96')],
    ['refused audio', remote([], 'm=audio 0 RTP/AVP 0')],
    ['no common codec', remote([], 'm=audio 5000 RTP/AVP 18 101')],
    ['a name for an address', remote(['c=IN IP4 media.test'])],
    ['a multicast address', remote(['c=IN IP4 224.1.2.3/127'])],
    ['broadcast', remote(['c=IN IP4 255.255.255.255'])],
    ['another profile', remote([], 'm=audio 5000 RTP/SAVP 0')],
    ['a port beyond all', remote([], 'm=audio 70000 RTP/AVP 0')],
    ['too many lines', remote(Array(2_000).fill('a=x') as string[])],
    ['too much media', remote(Array(20).fill('m=audio 1 RTP/AVP 0') as string[])],
  ])('with %s is refused', (_, answer) => {
    expect(negotiate(answer, OPTIONS).ok).toBe(false);
  });
});

describe('SRTP', () => {
  const secure = (crypto: string): string => remote([crypto], 'm=audio 5000 RTP/SAVP 0');

  it('takes the key whose tag the answer names, without lifetime and MKI', () => {
    const answer = secure(`a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${THEIR_KEY}|2^20|1:4`);
    const theirs = { suite: 'AES_CM_128_HMAC_SHA1_32', key: THEIR_KEY };
    expect(agreed(answer, SECURE).srtp).toEqual({ ours: KEYS[1], theirs });
  });

  it.each([
    ['none', 'a=x'],
    ['an unknown tag', `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`],
    ['another suite than that of the tag', `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`],
    ['a short key', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA'],
  ])('is refused with %s', (_, crypto) => {
    expect(negotiate(secure(crypto), SECURE).ok).toBe(false);
  });

  it('is not given up because the far end would rather not', () => {
    expect(negotiate(remote([]), SECURE).ok).toBe(false);
    expect(answerOffer(remote([]), LOCAL, SECURE).ok).toBe(false);
    expect(negotiate(secure(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`), OPTIONS).ok).toBe(false);
  });

  it('answers the first suite that both know, under its tag', () => {
    const offer = remote(
      ['a=crypto:5 AEAD_AES_256_GCM inline:x', `a=crypto:6 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`],
      'm=audio 5000 RTP/SAVP 0',
    );
    const answer = answerOffer(offer, LOCAL, SECURE);
    expect(answer).toMatchObject({ ok: true, media: { srtp: { ours: KEYS[0], theirs: { key: THEIR_KEY } } } });
    expect(answer.ok && answer.sdp).toContain(`a=crypto:6 AES_CM_128_HMAC_SHA1_80 inline:${KEYS[0]!.key}`);
  });
});

describe('our answer', () => {
  const answer = (offer: string, options = OPTIONS) => {
    const result = answerOffer(offer, LOCAL, options);
    if (!result.ok) throw new Error(result.problem);
    return { ...result, audio: parseSdp(result.sdp)!.media };
  };

  it.each([
    ['sendrecv', undefined, 'sendrecv'],
    ['sendonly', undefined, 'recvonly'],
    ['recvonly', undefined, 'sendonly'],
    ['inactive', undefined, 'inactive'],
    ['sendrecv', 'sendonly', 'sendonly'],
    ['sendonly', 'sendonly', 'inactive'],
  ] as const)('to %s, wanting %s, is %s', (offered, direction, answered) => {
    const wish = direction ? { ...OPTIONS, direction } : OPTIONS;
    expect(answer(remote([`a=${offered}`]), wish).audio[0]?.direction).toBe(answered);
  });

  it('keeps the numbers and the order of the offer, and refuses other streams', () => {
    const offer = `${remote(['a=rtpmap:97 PCMA/8000', 'a=rtpmap:96 telephone-event/8000'], 'm=audio 5000 RTP/AVP 97 0 96 18')}m=video 6000 RTP/AVP 99\r\nm=audio 7000 RTP/AVP 0\r\n`;
    const { audio, media } = answer(offer);
    expect(audio.map(({ kind, port, formats }) => [kind, port, formats])).toEqual([
      ['audio', 40_000, ['97', '0', '96']],
      ['video', 0, ['99']],
      ['audio', 0, ['0']],
    ]);
    expect(media).toMatchObject({ port: 5_000, codec: 'PCMA', dtmfPayloadType: 96 });
  });

  it('shares RTCP only where both can', () => {
    const shared = { ...LOCAL, rtcpPort: LOCAL.port };
    expect(answerOffer(remote(['a=rtcp-mux']), shared, OPTIONS)).toMatchObject({
      sdp: expect.stringContaining('a=rtcp-mux'),
    });
    expect(answer(remote(['a=rtcp-mux'])).sdp).not.toContain('rtcp-mux');
  });

  it('is what the other side can negotiate', () => {
    const { sdp } = answer(buildOffer({ ...LOCAL, port: 50_000, rtcpPort: 50_001 }, OPTIONS));
    expect(agreed(sdp)).toMatchObject({ port: 40_000, codec: 'PCMU', sends: true, receives: true });
  });
});
