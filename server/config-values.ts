import { isIP } from 'node:net';

/** Parsers of settings: each says what it expects, and gives undefined for anything else. */
export interface Kind<T> {
  readonly expects: string;
  readonly parse: (text: string) => T | undefined;
}

export const text: Kind<string> = {
  expects: 'text',
  parse: (value) => value,
};

/** `id:secret`; the secret may hold colons. */
export const credentials: Kind<{ id: string; secret: string }> = {
  expects: '`id:secret`, the secret of at least 12 characters',
  parse: (value) => {
    const [, id, secret] = /^([\w.-]{1,64}):(\S{12,200})$/.exec(value) ?? [];
    return id === undefined || secret === undefined ? undefined : { id, secret };
  },
};

export const secret: Kind<string> = {
  expects: 'a secret of at least 32 characters',
  parse: (value) => (value.length >= 32 ? value : undefined),
};

export const list: Kind<readonly string[]> = {
  expects: 'words separated by commas',
  parse: (value) => {
    const words = value.split(',').map((word) => word.trim());
    return words.includes('') ? undefined : words;
  },
};

/** Addresses, or networks such as `10.0.0.0/8`. */
export const networks: Kind<readonly string[]> = {
  expects: 'addresses or networks such as `10.0.0.0/8`, separated by commas',
  parse: (value) => {
    const words = list.parse(value);
    return words?.every(isNetwork) ? words : undefined;
  },
};

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  if (version === 0) return false;
  return bits === undefined || wholeNumber(bits, 0, version === 4 ? 32 : 128) !== undefined;
}

/** `a=b,c=d`. */
export const pairs: Kind<readonly (readonly [string, string])[]> = {
  expects: 'pairs such as `group=Role`, separated by commas',
  parse: (value) => {
    const found = value.split(',').map((pair) => {
      const at = pair.lastIndexOf('=');
      return [pair.slice(0, Math.max(0, at)).trim(), pair.slice(at + 1).trim()] as const;
    });
    return found.some(([group, role]) => group === '' || role === '') ? undefined : found;
  },
};

export const port: Kind<number> = {
  expects: 'a TCP port (0 to 65535; 0 is any free one)',
  parse: (value) => wholeNumber(value, 0, 65_535),
};

export function count(least: number, most: number): Kind<number> {
  return {
    expects: `a whole number from ${least} to ${most}`,
    parse: (value) => wholeNumber(value, least, most),
  };
}

export function oneOf<const T extends string>(...words: T[]): Kind<T> {
  return {
    expects: words.map((word) => `\`${word}\``).join(', '),
    parse: (value) => words.find((word) => word.toLowerCase() === value.toLowerCase()),
  };
}

const units: Readonly<Record<string, number>> = { '': 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** Bytes; the units are powers of 1024, as in PostgreSQL's settings. */
export const bytes: Kind<number> = {
  expects: 'a size such as `50MB` (B, kB, MB, GB)',
  parse: (value) => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value) ?? [];
    const factor = units[unit.toLowerCase().replace(/^b$/, '')];
    if (digits === undefined || factor === undefined) return undefined;
    return positive(Math.round(Number(digits) * factor));
  },
};

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** Milliseconds. */
export const duration: Kind<number> = {
  expects: 'a time such as `10s` (ms, s, min, h)',
  parse: (value) => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(value) ?? [];
    const factor = durations[unit.toLowerCase()];
    if (digits === undefined || factor === undefined) return undefined;
    return positive(Math.round(Number(digits) * factor));
  },
};

/** Kept as PostgreSQL writes it. */
export const postgresSize: Kind<string> = {
  expects: 'a size such as `256MB` (kB, MB, GB)',
  parse: (value) => {
    const [, digits, unit] = /^(\d+)\s*(kB|MB|GB)$/i.exec(value) ?? [];
    const spelled = ['kB', 'MB', 'GB'].find((word) => word.toLowerCase() === unit?.toLowerCase());
    return digits && spelled ? `${Number(digits)}${spelled}` : undefined;
  },
};

/** An http(s) URL without query, fragment or final slash. */
export const webAddress: Kind<string> = {
  expects: 'an http or https URL such as `https://fhir.example.org`',
  parse: (value) => {
    const url = URL.parse(value);
    if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) return undefined;
    return url.username || url.password ? undefined : url.href.replace(/\/+$/, '');
  },
};

export const databaseUrl: Kind<string> = {
  expects: 'a URL such as `postgresql://user:password@host:5432/database`',
  parse: (value) => (/^postgres(ql)?:\/\/./.test(value) ? value : undefined),
};

/** An offset from UTC, `+hh:mm`. Names of zones are refused: their offset changes with the date. */
export const offset: Kind<string> = {
  expects: 'an offset from UTC such as `+01:00`, or `UTC`',
  parse: (value) => {
    if (/^(utc|z)$/i.test(value)) return '+00:00';
    return /^[+-](0\d|1[0-3]):[0-5]\d$|^[+-]14:00$/.test(value) ? value : undefined;
  },
};

function wholeNumber(value: string, least: number, most: number): number | undefined {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

const positive = (value: number): number | undefined => (value > 0 ? value : undefined);
