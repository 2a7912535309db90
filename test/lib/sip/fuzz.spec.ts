import fc from 'fast-check';
import { answerOffer, negotiate, newSrtpKey } from '../../../src/lib/sip/sdp/sdp.js';
import { endOfFailed } from '../../../src/telephony/sip-trunk/sip-reasons.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { endOfHead, parseDatagram, serialise } from '../../../src/lib/sip/message/sip-message.js';
import { parseSdp } from '../../../src/lib/sip/sdp/sdp-parse.js';
import { StreamParser } from '../../../src/lib/sip/message/stream-parser.js';
import { eventually } from '../../support/process.js';
import { callRequest, Listener, LOCAL, LOCAL_MEDIA, OFFER, SDP_OPTIONS } from './calling.js';
import { ANSWER, UdpPhone } from './udp-phone.js';

/** How many messages; `FUZZ_SIP=100000` for a long run. */
const RUNS = Number(process.env['FUZZ_SIP'] ?? 20_000);
const BATCH = 100;

const headers = (method: string, dialog = 'To: <sip:a@b>'): string[] => [
  'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport',
  'v: SIP/2.0/UDP [::1]:5062;branch=z9hG4bK2;received=10.0.0.1, SIP/2.0/TCP h.test;branch=z9hG4bK3',
  'From: "A \\" B" <sip:a:b@[2001:db8::1]:5060;transport=udp;lr?x=y>;tag=phone',
  dialog,
  `CSeq: 4711 ${method}`,
  'Contact: <sip:c@127.0.0.1:9;transport=tcp>;expires=5, *',
  'Record-Route: <sip:p@h.test;lr>, <sip:q@h.test>',
  'Require: timer, 100rel',
  'Session-Expires: 1800;refresher=uas',
  'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256-sess, stale=true',
  'Reason: Q.850;cause=17;text="x", SIP;cause=200',
  'Retry-After: 5 (a comment)',
  'Subject: folded',
  '  line',
  'Content-Type: application/sdp',
];

const text = (start: string, lines: string[], body = ANSWER): string =>
  [start, ...lines, `l: ${Buffer.byteLength(body)}`, '', body].join('\r\n');

/** Something is changed, doubled, cut out or put in, once or several times. */
function mutations(seeds: string[]): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })),
    put: fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom(
        '\r\n',
        '\r\n\r\n',
        '\0',
        ',',
        ';',
        '"',
        '<',
        '>',
        '[',
        ']',
        ':',
        '@',
        '%',
        '\\',
        '99999999999',
        '-1',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.nat({ max: 135 }).map((size) => 'a'.repeat(size * size)),
    ),
  });
  return fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([seed, edits]) =>
    Buffer.from(
      edits.reduce((now, { at, cut, put }) => {
        const index = Math.floor(at * now.length);
        return now.slice(0, index) + put + now.slice(index + cut);
      }, seed),
      'latin1',
    ),
  );
}

const STARTS = ['INVITE', 'OPTIONS', 'UPDATE', 'NOTIFY', 'REFER', 'INFO', 'ACK', 'CANCEL', 'PRACK'];
const requests = STARTS.map((method) =>
  text(`${method} sip:x@127.0.0.1 SIP/2.0`, [...headers(method), 'Call-ID: fuzz']),
);
const responses = [180, 200, 401, 422, 503].map((status) =>
  text(`SIP/2.0 ${status} Words`, [...headers('INVITE'), 'i: fuzz']),
);

describe('mangled input', () => {
  it('is parsed or refused, and what was parsed can be written and parsed again', () => {
    const property = fc.property(mutations([...requests, ...responses]), (data) => {
      const read = parseDatagram(data);
      // Written out, a message is longer than with compact names: near the limit it need not fit again.
      if (!read || data.length > 8_000) return;
      const again = parseDatagram(serialise(read.message));
      expect(again?.message).toMatchObject({ kind: read.message.kind });
      expect(serialise(again!.message).equals(serialise(read.message))).toBe(true);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('gives a stream the same messages however it is cut', () => {
    const messages = mutations([...requests, ...responses]);
    const property = fc.property(messages, fc.integer({ min: 1, max: 700 }), (data, size) => {
      const parse = (pieces: Buffer[]): string[] => {
        const found: string[] = [];
        const onMessage = (message: Parameters<typeof serialise>[0]): number =>
          found.push(serialise(message).toString());
        const parser = new StreamParser({ onMessage, onPing: () => undefined });
        for (const piece of pieces) if (!parser.push(piece)) break;
        return found;
      };
      const pieces: Buffer[] = [];
      for (let at = 0; at < data.length; at += size) pieces.push(data.subarray(at, at + size));
      // One piece may be too large where many are refused before: only what is of legal size must be alike.
      if (data.length < 16_000) expect(parse(pieces)).toEqual(parse([data]));
    });
    fc.assert(property, { numRuns: RUNS / 4, seed: 2 });
  });

  it('makes no session description throw', () => {
    const keys = [newSrtpKey('AES_CM_128_HMAC_SHA1_80')];
    const crypto = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${keys[0]!.key}|2^20|1:4\r\n`;
    const seeds = [ANSWER, OFFER, OFFER.replace('RTP/AVP', 'RTP/SAVP') + crypto];
    const property = fc.property(mutations(seeds), (data) => {
      const sdp = data.toString('latin1');
      for (const options of [SDP_OPTIONS, { ...SDP_OPTIONS, srtpKeys: keys }]) {
        negotiate(sdp, options);
        const answer = answerOffer(sdp, LOCAL_MEDIA, options);
        if (answer.ok) expect(parseSdp(answer.sdp)?.media).toHaveLength(parseSdp(sdp)!.media.length);
      }
    });
    fc.assert(property, { numRuns: RUNS / 2, seed: 3 });
  });

  it('makes no reason throw', () => {
    const property = fc.property(mutations(['Q.850;cause=17;text="x"', 'SIP']), fc.integer(), (data, status) => {
      const reasonHeaders = [data.toString('latin1')];
      endOfFailed({ type: 'failed', status, phrase: data.toString(), reasonHeaders, headers: {}, cause: 'response' });
    });
    fc.assert(property, { numRuns: RUNS / 10, seed: 4 });
  });
});

it('mangled messages leave a user agent with a call alive and empty', async () => {
  const problems: string[] = [];
  const timers = { t1Ms: 20, t2Ms: 40, t4Ms: 40 };
  const agent = await SipUserAgent.start({ address: LOCAL, timers, onProblem: (problem) => problems.push(problem) });
  const phone = await UdpPhone.start();
  const call = new Listener(agent.call(callRequest(phone.target, { onOffer: () => OFFER, callId: 'fuzz' })));
  const invite = await phone.request('INVITE');
  phone.respond(invite, 200, { sdp: ANSWER });
  await call.hears('answered');
  const ours = `To: ${invite.headers.get('from') ?? ''}`;
  const via = `Via: ${invite.headers.get('via') ?? ''}`;
  const inDialog = STARTS.map((method) =>
    text(`${method} sip:x@127.0.0.1 SIP/2.0`, [...headers(method, ours), 'Call-ID: fuzz']),
  );
  const toUs = [180, 200, 401].map((status) =>
    text(`SIP/2.0 ${status} W`, [via, ...headers('INVITE').slice(2), 'i: fuzz']),
  );
  const all = fc.sample(mutations([...requests, ...inDialog, ...toUs]), { numRuns: RUNS, seed: 5 });
  for (let at = 0; at < all.length; at += BATCH) {
    for (const data of all.slice(at, at + BATCH)) phone.sendRaw(data.subarray(0, 60_000), agent.port);
    // An answer shows that what came before was taken.
    phone.send(
      [
        'OPTIONS sip:x SIP/2.0',
        `Via: SIP/2.0/UDP ${LOCAL};rport;branch=z9hG4bKping${at}`,
        'From: <sip:p@p>;tag=1',
        'To: <sip:x@x>',
        `Call-ID: ping${at}`,
        'CSeq: 1 OPTIONS',
      ],
      '',
      { address: LOCAL, port: agent.port },
    );
    await phone.hears(`Call-ID: ping${at}`);
  }
  expect(problems.length).toBeGreaterThan(100);
  expect(problems).not.toContain('A SIP message could not be handled');
  const hangup = call.call.hangup();
  await hangup;
  await eventually('no transactions', () => Promise.resolve(agent.load.transactions === 0 || undefined));
  expect(agent.load).toEqual({ calls: 0, transactions: 0 });
  await agent.close();
  phone.close();
});

it('the end of a head is where it is', () => {
  expect(endOfHead(Buffer.from('a\r\n\r\nb'))).toEqual({ head: 1, body: 5 });
});
