import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { KEY_BYTES, parseEncryptionKey } from './encryption-key.js';

const FORM = 'v1.';
/** The nonce and tag lengths that NIST SP 800-38D recommends for GCM. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A secret cannot be sealed or opened; the message says what to do, and holds no secret. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';
}

/** Where the key comes from: the setting, or else a file beside the embedded database. */
export interface KeySource {
  encryptionKey: Buffer | undefined;
  databaseUrl: string | undefined;
  dataDir: string;
}

/**
 * Encrypts secrets such as a carrier's password with AES-256-GCM, so that a dump of the database does not reveal them.
 * The first use reads the key: an installation without secrets needs none.
 */
export class SecretBox {
  private key: Buffer | undefined;

  constructor(private readonly source: KeySource) {}

  /**
   * @param owner what the secret belongs to, such as the id of its row: nowhere else will it open
   * @throws SecretBoxError without a key
   */
  seal(secret: string, owner: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.findKey(), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(owner));
    const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return FORM + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** @throws SecretBoxError without a key, with another key than it was sealed with, and for what was tampered with */
  open(sealed: string, owner: string): string {
    const key = this.findKey();
    const bytes = Buffer.from(sealed.slice(FORM.length), 'base64');
    if (!sealed.startsWith(FORM) || bytes.length < NONCE_BYTES + TAG_BYTES)
      throw new SecretBoxError('The stored secret has a form that this version does not know');
    try {
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(owner));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      );
    } catch {
      throw new SecretBoxError('ENCRYPTION_KEY is not the key that the stored secret was encrypted with');
    }
  }

  /** A key for another purpose, the same in all processes. @throws SecretBoxError without a key */
  keyFor(purpose: string): Buffer {
    return createHmac('sha256', this.findKey()).update(purpose).digest();
  }

  private findKey(): Buffer {
    return (this.key ??= this.source.encryptionKey ?? keyBesideDatabase(this.source));
  }
}

/** The key of an install with the embedded database, made when it is first needed. */
function keyBesideDatabase({ databaseUrl, dataDir }: KeySource): Buffer {
  if (databaseUrl !== undefined)
    throw new SecretBoxError('ENCRYPTION_KEY is not set: with DATABASE_URL the server needs it to keep secrets');
  const path = join(dataDir, 'encryption.key');
  let key: Buffer | undefined;
  try {
    if (!existsSync(path)) createKeyFile(dataDir, path);
    key = parseEncryptionKey(readFileSync(path, 'utf8').trim());
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new SecretBoxError(`encryption.key in DATA_DIR cannot be used (${code}); or set ENCRYPTION_KEY`);
  }
  if (!key) throw new SecretBoxError('encryption.key in DATA_DIR is not a key: restore it, or set ENCRYPTION_KEY');
  return key;
}

/** Of processes that do this at once, one makes the key: a link appears with all of its content, or is there already. */
function createKeyFile(dataDir: string, path: string): void {
  mkdirSync(dataDir, { recursive: true });
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
    fsyncSync(file);
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
}
