import { createHmac } from 'node:crypto';
import { checkLink, recordingPath } from './recording-signature.js';

const KEY = Buffer.alloc(32, 1);
const CALL = '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10';
const OTHER = '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f11';
const EXPIRES = new Date('2026-04-05T15:00:00.000Z');
const NOW = new Date('2026-04-05T14:00:00.000Z');

/** The parts of a link to a recording. */
function linkTo(callId: string, expiresAt = EXPIRES, key = KEY) {
  const { pathname, searchParams } = new URL(recordingPath(key, callId, expiresAt), 'http://localhost');
  const [expires, signature] = [searchParams.get('expires') ?? '', searchParams.get('signature') ?? ''];
  return { pathname, expires, signature };
}

describe('links to recordings', () => {
  it('name the call and the second of their expiry, and sign both', () => {
    const expires = EXPIRES.getTime() / 1000;
    // Repeated here, so that the links of one version stay valid in the next.
    const signature = createHmac('sha256', KEY).update(`recording\n${CALL}\n${expires}`).digest('base64url');
    expect(recordingPath(KEY, CALL, EXPIRES)).toBe(`/recordings/${CALL}.wav?expires=${expires}&signature=${signature}`);
  });

  it('are valid until they expire, to the second', () => {
    const { expires, signature } = linkTo(CALL);
    const check = (now: Date) => checkLink(KEY, CALL, expires, signature, now);
    expect(check(NOW)).toBeUndefined();
    expect(check(EXPIRES)).toBeUndefined();
    expect(check(new Date(EXPIRES.getTime() + 1))).toBe('expired');
  });

  it('never last longer than requested', () => {
    const { expires, signature } = linkTo(CALL, new Date(EXPIRES.getTime() + 999));
    expect(checkLink(KEY, CALL, expires, signature, new Date(EXPIRES.getTime() + 1))).toBe('expired');
  });

  it('are valid for their call only', () => {
    const { expires, signature } = linkTo(OTHER);
    expect(checkLink(KEY, CALL, expires, signature, NOW)).toBe('forged');
  });

  it('are valid for their time only', () => {
    const { expires, signature } = linkTo(CALL);
    for (const later of [String(Number(expires) + 1), `${expires}0`, '999999999999'])
      expect(checkLink(KEY, CALL, later, signature, NOW)).toBe('forged');
  });

  it('are valid with their key only', () => {
    const { expires, signature } = linkTo(CALL, EXPIRES, Buffer.alloc(32, 2));
    expect(checkLink(KEY, CALL, expires, signature, NOW)).toBe('forged');
  });

  it.each(['', 'x', 'x'.repeat(43), 'é'.repeat(43), 'x'.repeat(10_000), '\0'])(
    'are forged with the signature %j',
    (signature) => {
      expect(checkLink(KEY, CALL, linkTo(CALL).expires, signature, NOW)).toBe('forged');
    },
  );

  it('are forged with every signature that differs in one character', () => {
    const { expires, signature } = linkTo(CALL);
    for (let i = 0; i < signature.length; i++) {
      const other = signature.slice(0, i) + (signature[i] === 'A' ? 'B' : 'A') + signature.slice(i + 1);
      expect(checkLink(KEY, CALL, expires, other, NOW)).toBe('forged');
    }
  });

  it.each(['', 'never', '-1', '1e99', 'Infinity', '0x7fffffff', '9'.repeat(13), ' 1775401200', '1775401200.5'])(
    'are not valid with the time %j, even with a valid signature',
    (expires) => {
      const { signature } = linkTo(CALL, new Date(0));
      expect(checkLink(KEY, CALL, expires, signature, NOW)).toBe('expired');
    },
  );
});
