export const KEY_BYTES = 32;

/** A key written as 64 hexadecimal digits or in base64, or undefined when it is not 32 bytes. */
export function parseEncryptionKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // 43 characters hold 258 bits: only the exact way to write 32 bytes comes back unchanged.
  const key = /^[0-9A-Za-z+/]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  return key?.length === KEY_BYTES && key.toString('base64').startsWith(text) ? key : undefined;
}
