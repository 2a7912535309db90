import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { SecretBox, SecretBoxError } from '../../src/lib/platform/secret-box.js';

const run = promisify(execFile);
const key = randomBytes(32);
const withKey = (encryptionKey?: Buffer) => ({ encryptionKey, databaseUrl: 'postgres://db/x', dataDir: '/nowhere' });

describe('SecretBox', () => {
  const box = new SecretBox(withKey(key));

  it('gives back what was put in, to the same owner and with the same key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.uuid(), (secret, owner) => {
        const sealed = box.seal(secret, owner);
        return sealed.startsWith('v1.') && new SecretBox(withKey(Buffer.from(key))).open(sealed, owner) === secret;
      }),
    );
  });

  it('never gives the same for the same secret, and nothing of it', () => {
    const sealed = Array.from({ length: 100 }, () => box.seal('hunter2hunter2', 'owner'));
    expect(new Set(sealed).size).toBe(100);
    for (const each of sealed) expect(Buffer.from(each.slice(3), 'base64').toString('latin1')).not.toContain('hunter2');
  });

  it('opens for nobody else', () => {
    expect(() => box.open(box.seal('x', 'one'), 'two')).toThrow(SecretBoxError);
  });

  it('says that the key is another one', () => {
    const other = new SecretBox(withKey(randomBytes(32)));
    expect(() => other.open(box.seal('x', 'owner'), 'owner')).toThrow('ENCRYPTION_KEY is not the key');
  });

  it('notices every changed bit', () => {
    const sealed = box.seal('hunter2', 'owner');
    const bytes = Buffer.from(sealed.slice(3), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => box.open(`v1.${changed.toString('base64')}`, 'owner')).toThrow(SecretBoxError);
    }
  });

  it.each(['', 'v1.', 'v1.AAAA', 'v2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'hunter2', 'v1.%%%'])(
    'refuses %j as a secret',
    (sealed) => {
      expect(() => box.open(sealed, 'owner')).toThrow('has a form that this version does not know');
    },
  );

  it('without a key says which setting is missing', () => {
    const keyless = new SecretBox(withKey());
    expect(() => keyless.seal('x', 'owner')).toThrow(SecretBoxError);
    expect(() => keyless.open(box.seal('x', 'owner'), 'owner')).toThrow('ENCRYPTION_KEY is not set');
  });
});

describe('SecretBox beside the embedded database', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'outdial-key-'));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true });
  });
  const open = (folder = dataDir) =>
    new SecretBox({ encryptionKey: undefined, databaseUrl: undefined, dataDir: folder });
  const file = () => join(dataDir, 'encryption.key');

  it('makes its key when it first needs one, for its own eyes, and keeps it', () => {
    const first = open();
    expect(readdirSync(dataDir)).toEqual([]);
    const sealed = first.seal('hunter2', 'owner');
    expect(readdirSync(dataDir)).toEqual(['encryption.key']);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(file(), 'utf8'), 'base64')).toHaveLength(32);
    expect(open().open(sealed, 'owner')).toBe('hunter2');
  });

  it('makes the folder when there is none', () => {
    const folder = join(dataDir, 'deep', 'er');
    expect(open(folder).open(open(folder).seal('x', 'owner'), 'owner')).toBe('x');
  });

  it('prefers the key of the settings', () => {
    const sealed = new SecretBox(withKey(key)).seal('x', 'owner');
    expect(new SecretBox({ ...withKey(key), databaseUrl: undefined, dataDir }).open(sealed, 'owner')).toBe('x');
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it.each(['', 'not a key\n', `${'A'.repeat(40)}\n`])('says that the file holds no key: %j', (content) => {
    writeFileSync(file(), content);
    expect(() => open().seal('x', 'owner')).toThrow('encryption.key in DATA_DIR is not a key');
    expect(readFileSync(file(), 'utf8')).toBe(content);
  });

  it('says that the file cannot be used', () => {
    expect(() => open('/dev/null/x').seal('x', 'owner')).toThrow(
      /^encryption\.key in DATA_DIR cannot be used \(E[A-Z]+\)/,
    );
  });

  it('is the same key for processes that need it first at once', async () => {
    const program = `
      const [folder, go] = process.argv.slice(1);
      const { SecretBox } = await import(${JSON.stringify(resolve('dist/lib/platform/secret-box.js'))});
      while (Date.now() < Number(go));
      process.stdout.write(new SecretBox({ dataDir: folder }).seal('hunter2', 'owner'));`;
    for (let round = 0; round < 3; round++) {
      const folder = join(dataDir, String(round));
      const go = String(Date.now() + 700);
      const args = ['--input-type=module', '-e', program, folder, go];
      const outputs = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, args)));
      const opened = outputs.map(({ stdout }) => open(folder).open(stdout, 'owner'));
      expect(opened).toEqual(Array.from({ length: 4 }, () => 'hunter2'));
      expect(readdirSync(folder)).toEqual(['encryption.key']);
    }
  });
});
