import { sqlList, sqlTexts } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import type { Extracted, Unit } from '../fhir/extract.ts';
import { contentWords, narrativeWords } from '../fhir/fulltext.ts';
import { stampResource } from '../fhir/json.ts';
import { referenceSalt } from '../fhir/terms.ts';
import type { Resource } from '../fhir/types.ts';
import { vidTime } from './clock.ts';
import type { Context } from './context.ts';
import { dictionaryWords, unitWord, type Word } from './dictionary-words.ts';
import type { Method, Version } from './store.ts';

/** One letter per interaction in `resource.method` and `history.method`. */
export const METHOD_CODE = { POST: 'C', PUT: 'U', PATCH: 'P', DELETE: 'D' } as const;
const METHOD_NAME: Record<string, Method> = { C: 'POST', U: 'PUT', P: 'PATCH', D: 'DELETE' };

export function methodOf(code: string): Method {
  return METHOD_NAME[code] ?? 'PUT';
}

/** What the database knows of a resource before a write: it stands at `version`, or it ended. */
export interface Standing {
  id: string;
  version: number;
  vid: bigint;
  /** These two are absent for a deleted resource, and for one whose standing is `supposed`. */
  seq?: string;
  current?: Version;
  /** Nobody looked: the client says by If-Match that it stands at `version`. */
  supposed?: true;
}

/** A version ready to be written, with all its search rows; 64-bit numbers as decimal text. */
export interface Row {
  rk: string;
  seq: string;
  vid: string;
  version: number;
  typeNumber: number;
  method: Exclude<Method, 'DELETE'>;
  id: string;
  content: string;
  patient: string | null;
  lo: number | null;
  hi: number | null;
  tok: string;
  strings: { k: string; v: string; o: string | undefined; part: boolean }[];
  dates: { k: string; lo: number; hi: number }[];
  numbers: { k: string; lo: number; hi: number; unit: string | null }[];
  /** What `_text` and `_content` find; absent where there is nothing. */
  text?: { narrative: string; content: string };
  /** Digest of the lists and texts above, null if there are none: an update leaves equal ones alone. */
  sides: string | null;
  /** `sumOf` the substance. */
  sum: number;
  /** What the dictionaries must hold before this is written. */
  words: Word[];
  /** It has so many index entries that it should not share a statement with others. */
  heavy: boolean;
  /** The version this one replaces; 0 for a new resource. */
  base: number;
  /** `base` is the client's word: the statement itself has to look whether anything changes. */
  supposed: boolean;
  /** What the caller gets back. */
  stored: Version;
  noted?: Noted;
}

/** By whose name a write stands in the audit journal. */
export interface Noted {
  /** Key of the agent. */
  agent: string;
  /** X-Request-Id, where there is one. */
  request: string | undefined;
}

export interface RowInput {
  type: string;
  id: string;
  resource: Resource;
  method: Exclude<Method, 'DELETE'>;
  standing?: Standing | undefined;
}

const INSTANT_LENGTH = 24;

/** The stored text behind meta.lastUpdated: all that may differ between two versions in substance. */
export function substance(content: string): string {
  const mark = content.indexOf('"lastUpdated":"');
  return content.slice(mark + '"lastUpdated":"'.length + INSTANT_LENGTH);
}

/**
 * The same for texts that differ in the order of their members alone, and nearly never for others:
 * JSON members have no order, so another one is no change (FHIR XML has one of its own).
 */
export function sumOf(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    sum = (sum + unit * unit * unit) | 0;
  }
  return sum;
}

/** Stamps a resource with its next version and works out its search rows. */
export function buildRow(context: Context, input: RowInput): Row {
  const { hasher, clock, extractor } = context;
  const { type, id, resource, standing } = input;
  const supposed = standing?.supposed === true;
  const vid = clock.next(standing?.vid ?? 0n);
  const lastUpdated = vidTime(vid);
  const version = (standing?.version ?? 0) + 1;
  const content = stampResource(resource, {
    id,
    versionId: String(version),
    lastUpdated: new Date(lastUpdated).toISOString(),
  });
  const rk = hasher.row(type, id);
  resource.id = id;
  const found = extractor.extract(resource);
  const tok = new Set<bigint>();
  for (const word of found.tokens) tok.add(hasher.word(word));
  for (const { key, target } of found.references) {
    tok.add(hasher.reference(referenceSalt(key), target));
  }
  const patient =
    found.main.patient === undefined ? undefined : String(hasher.target(found.main.patient));
  const text = textOf(context, resource);
  const words = dictionaryWords(context, type, found);
  for (const { h } of words) tok.add(h);
  const entries = tok.size + found.strings.length + found.dates.length + found.numbers.length;
  if (entries > MAX_ENTRIES) throw tooMany(type, entries);
  return {
    rk: String(rk),
    seq: standing?.seq ?? String(vid),
    vid: String(vid),
    version,
    typeNumber: context.typeNumber(type),
    method: input.method,
    id,
    content,
    patient: patient ?? null,
    lo: found.main.date?.lo ?? null,
    hi: found.main.date?.hi ?? null,
    tok: `{${[...tok].join(',')}}`,
    strings: found.strings.map(({ key, value, original, part = false }) => ({
      k: String(hasher.word(key)),
      v: value,
      o: original,
      part,
    })),
    dates: found.dates.map(({ key, lo, hi }) => ({ k: String(hasher.word(key)), lo, hi })),
    numbers: found.numbers.map(({ key, lo, hi, unit }) => ({
      k: String(hasher.word(key)),
      lo,
      hi,
      unit: unit ? unitOf(context, unit, words) : null,
    })),
    ...(text && { text }),
    sides: sidesOf(context, found, text),
    sum: sumOf(substance(content)),
    words,
    heavy: entries > HEAVY_ENTRIES,
    base: standing?.seq === undefined && !supposed ? 0 : (standing?.version ?? 0),
    supposed,
    stored: { type, id, version, lastUpdated, method: input.method, content, patient },
  };
}

/** Written in about two seconds; nobody is found by as many values. */
const MAX_ENTRIES = 200_000;
const HEAVY_ENTRIES = 1000;

function tooMany(type: string, entries: number): FhirError {
  return new FhirError(
    'too-large',
    `This ${type} would be found by ${entries} values, more than ${MAX_ENTRIES}: divide it.`,
  );
}

/** The hash of a unit, and its word for the dictionary. */
function unitOf(context: Context, unit: Unit, words: Word[]): string {
  const word = unitWord(context, unit);
  words.push(word);
  return String(word.h);
}

function textOf({ fulltext }: Context, resource: Resource): Row['text'] {
  if (fulltext === 'off') return undefined;
  const narrative = narrativeWords(resource);
  const content = fulltext === 'content' ? contentWords(resource, narrative) : '';
  return narrative === '' && content === '' ? undefined : { narrative, content };
}

function sidesOf(
  { hasher }: Context,
  { strings, dates, numbers }: Extracted,
  words: Row['text'],
): string | null {
  if (!words && strings.length + dates.length + numbers.length === 0) return null;
  let text = words ? `${words.narrative}\u0001${words.content}\u0002` : '';
  for (const { key, value, original = value, part } of strings) {
    text += `${key}\u0001${original}\u0001${part}\u0002`;
  }
  for (const { key, lo, hi } of dates) text += `${key}\u0001${lo} ${hi}\u0002`;
  for (const { key, lo, hi, unit } of numbers) {
    text += `${key}\u0001${lo} ${hi} ${unit ? unitText(unit) : ''}\u0002`;
  }
  return String(hasher.once(text));
}

const unitText = ({ system = '', code = '', unit = '' }: Unit): string =>
  `${system}|${code}|${unit}`;

/** A version as the statements return it. */
export function versionOf(
  type: string,
  [id, version, vid, method, content, patient]: readonly unknown[],
): Version {
  return {
    type,
    id: id as string,
    version: Number(version),
    lastUpdated: vidTime(BigInt(vid as string)),
    method: methodOf(method as string),
    content: content as string,
    patient: (patient as string | null | undefined) ?? undefined,
  };
}

/** For each of all the rows' parts the number of its row, from 1 on. */
const numbered = <T>(rows: readonly Row[], parts: (row: Row) => readonly T[]): number[] =>
  rows.flatMap((row, i) => parts(row).map(() => i + 1));

/** The last parameters of insert.sql, and of the others that write: who is noted for each row. */
export function notedValues(
  rows: readonly { noted?: Noted }[],
): [agents: string, requests: string] {
  if (!rows.some(({ noted }) => noted)) return ['{}', '{}'];
  const requests = rows.some(({ noted }) => noted?.request !== undefined);
  return [
    sqlList(rows.map(({ noted }) => noted?.agent)),
    requests ? sqlTexts(rows.map(({ noted }) => noted?.request)) : '{}',
  ];
}

/** The parameters of insert.sql, in order, up to those of `notedValues`. */
export function writeValues(rows: readonly Row[]): unknown[] {
  const sizes = rows.map((row) => Buffer.byteLength(row.content));
  const contents = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, 0));
  const starts: number[] = [];
  let start = 0;
  for (const row of rows) {
    starts.push(start + 1);
    start += contents.write(row.content, start);
  }
  const strings = rows.flatMap((row) => row.strings);
  const dates = rows.flatMap((row) => row.dates);
  const numbers = rows.flatMap((row) => row.numbers);
  const texts = rows.flatMap((row) => row.text ?? []);
  return [
    sqlList(rows.map((row) => row.rk)),
    sqlList(rows.map((row) => row.seq)),
    sqlList(rows.map((row) => row.vid)),
    sqlList(rows.map((row) => row.version)),
    sqlList(rows.map((row) => row.typeNumber)),
    sqlList(rows.map((row) => METHOD_CODE[row.method])),
    sqlTexts(rows.map((row) => row.id)),
    sqlList(starts),
    sqlList(sizes),
    contents,
    sqlList(rows.map((row) => row.patient)),
    sqlList(rows.map((row) => row.lo)),
    sqlList(rows.map((row) => row.hi)),
    sqlTexts(rows.map((row) => row.tok)),
    sqlList(rows.map((row) => row.sides)),
    sqlList(rows.map((row) => row.sum)),
    sqlList(numbered(rows, (row) => row.strings)),
    sqlList(strings.map((row) => row.k)),
    sqlTexts(strings.map((row) => row.v)),
    sqlTexts(strings.map((row) => row.o)),
    sqlList(strings.map((row) => (row.part ? 't' : 'f'))),
    sqlList(numbered(rows, (row) => row.dates)),
    sqlList(dates.map((row) => row.k)),
    sqlList(dates.map((row) => row.lo)),
    sqlList(dates.map((row) => row.hi)),
    sqlList(numbered(rows, (row) => row.numbers)),
    sqlList(numbers.map((row) => row.k)),
    sqlList(numbers.map((row) => row.lo)),
    sqlList(numbers.map((row) => row.hi)),
    sqlList(numbers.map((row) => row.unit)),
    sqlList(numbered(rows, (row) => (row.text ? [row.text] : []))),
    sqlTexts(texts.map((row) => row.narrative)),
    sqlTexts(texts.map((row) => row.content)),
  ];
}
