import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Statement } from './pg.ts';

/**
 * The statement in `sql/<file>` beside the module that asks (`import.meta.url`), to be prepared as
 * `<folder>.<file>`. To be called once, when the module loads.
 */
export function loadSql(moduleUrl: string, file: string): Required<Statement> {
  const folder = dirname(fileURLToPath(moduleUrl));
  const text = readFileSync(join(folder, 'sql', file), 'utf8').trim();
  return { name: `${basename(folder)}.${basename(file, '.sql')}`, text };
}

const FOR_UPDATE = /\bfor update of \w+\b/;

/**
 * The same statement, passing over rows that others hold at the moment instead of waiting for them.
 * @throws Error where the statement locks no rows
 */
export function passingLocked({ name, text }: Required<Statement>): Required<Statement> {
  if (!FOR_UPDATE.test(text)) throw new Error(`${name} has no "for update of"`);
  return { name: `${name}.free`, text: text.replace(FOR_UPDATE, '$& skip locked') };
}

type Plain = string | number | bigint | null | undefined;

/** An array literal of values that need no quotes: numbers, keys, flags, array literals of them. */
export const sqlList = (values: readonly Plain[]): string =>
  `{${values.map((value) => value ?? 'null').join(',')}}`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL takes no NUL in a text
const NUL = /\u0000/g;

const quote = (value: string | undefined): string =>
  value === undefined ? 'null' : `"${value.replace(/["\\]/g, '\\$&').replace(NUL, '\ufffd')}"`;

/** An array literal of texts; a NUL, which no text can hold, is replaced. */
export const sqlTexts = (values: readonly (string | undefined)[]): string =>
  `{${values.map(quote).join(',')}}`;
