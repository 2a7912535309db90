import { generateKeyPairSync, sign } from 'node:crypto';

/** DER (X.690): a tag, the length, the content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...content: Buffer[]) => der(0x30, ...content);
const text = (tag: number, value: string) => der(tag, Buffer.from(value));
const hex = (value: string) => Buffer.from(value, 'hex');

const COMMON_NAME = hex('0603550403');
const SUBJECT_ALT_NAME = hex('0603551d11');
const ECDSA_WITH_SHA256 = sequence(hex('06082a8648ce3d040302'));

/** A certificate for a host that its own key signed (RFC 5280 §4.1), made here so that the tests need no openssl. */
export function selfSignedCertificate(host: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(COMMON_NAME, text(0x0c, host))));
  const validity = sequence(text(0x17, '200101000000Z'), text(0x17, '491231235959Z'));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const version3 = hex('a003020102');
  const altName = sequence(SUBJECT_ALT_NAME, der(0x04, sequence(text(0x82, host))));
  const extensions = der(0xa3, sequence(altName));
  const unsigned = sequence(version3, hex('020101'), ECDSA_WITH_SHA256, name, validity, name, spki, extensions);
  const signature = der(0x03, hex('00'), sign('sha256', unsigned, privateKey));
  const body = sequence(unsigned, ECDSA_WITH_SHA256, signature).toString('base64');
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  };
}
