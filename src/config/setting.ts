import { isIP } from 'node:net';

/** How a setting's text becomes a value. */
export interface SettingFormat<T> {
  /** Returns undefined for malformed text. */
  parse: (text: string) => T | undefined;
  accepts: string;
}

/** One environment variable. `path` is the value's place in `Config`, with a dot between group and name. */
export interface Setting<Path extends string, T, Default extends string | undefined> extends SettingFormat<T> {
  path: Path;
  default: Default;
  description: string;
}

export function setting<const Path extends string, T>(
  path: Path,
  format: SettingFormat<T>,
  defaultText: string,
  description: string,
): Setting<Path, T, string>;
export function setting<const Path extends string, T>(
  path: Path,
  format: SettingFormat<T>,
  defaultText: undefined,
  description: string,
): Setting<Path, T, undefined>;
export function setting<const Path extends string, T>(
  path: Path,
  format: SettingFormat<T>,
  defaultText: string | undefined,
  description: string,
): Setting<Path, T, string | undefined> {
  return { path, default: defaultText, description, ...format };
}

export const text: SettingFormat<string> = { parse: (value) => value, accepts: 'text' };

export const integer = (min: number, max: number): SettingFormat<number> => ({
  parse: (value) =>
    /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
  accepts: `a whole number from ${min} to ${max}`,
});

/** Seconds in the setting, milliseconds in `Config`. */
export const seconds = (min: number, max: number): SettingFormat<number> => mapped(integer(min, max), (s) => s * 1000);

export const oneOf = <T extends string>(allowed: readonly T[]): SettingFormat<T> => ({
  parse: (value) => allowed.find((candidate) => candidate === value),
  accepts: `one of ${allowed.join(', ')}`,
});

/** An empty text is an empty list. */
export const listOf = <T>(
  parseItem: (item: string) => T | undefined,
  accepts: string,
): SettingFormat<readonly T[]> => ({
  parse: (value) => {
    const items = value === '' ? [] : value.split(',').map((item) => parseItem(item.trim()));
    return items.every((item) => item !== undefined) ? items : undefined;
  },
  accepts,
});

export const url = (...protocols: string[]): SettingFormat<string> => ({
  parse: (value) => (URL.canParse(value) && protocols.includes(new URL(value).protocol) ? value : undefined),
  accepts: `an address like ${protocols[0] ?? ''}//…`,
});

export const httpUrl = url('https:', 'http:');

export const portRange: SettingFormat<{ min: number; max: number }> = {
  parse: (value) => {
    const [, min = '', max = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(value) ?? [];
    const ports = { min: Number(min), max: Number(max) };
    return min && ports.min >= 1024 && ports.max <= 65_535 && ports.max > ports.min ? ports : undefined;
  },
  accepts: 'a range like 10000-20000',
};

export const price: SettingFormat<number> = {
  parse: (value) => (/^\d{1,6}(\.\d{1,6})?$/.test(value) ? Number(value) : undefined),
  accepts: 'a price like 0.012',
};

export const currency: SettingFormat<string> = {
  parse: (value) => (/^[A-Z]{3}$/.test(value) ? value : undefined),
  accepts: 'a code of three letters like USD',
};

export const ipAddress: SettingFormat<string> = {
  parse: (value) => (isIP(value) ? value : undefined),
  accepts: 'an IPv4 or IPv6 address',
};

/** A web origin as browsers send it, or `*`. */
export const origin = (value: string): string | undefined =>
  value === '*' || (URL.canParse(value) && new URL(value).origin === value) ? value : undefined;

/** The same format with its value changed. */
export const mapped = <T, U>({ parse, accepts }: SettingFormat<T>, change: (value: T) => U): SettingFormat<U> => ({
  parse: (value) => {
    const parsed = parse(value);
    return parsed === undefined ? undefined : change(parsed);
  },
  accepts,
});
