import { createRequire } from 'node:module';
import type { Resource } from '../../../server/fhir/types.ts';
import { BASE } from '../../helpers/store.ts';

/**
 * R4's rules of searching, as small as they can be written: the values of a parameter are what
 * fhirpath.js makes of its published expression, and are compared one by one. Shares no code with
 * the server.
 */
const require = createRequire(import.meta.url);
const fhirpath = require('fhirpath') as typeof import('fhirpath');
const model = require('fhirpath/fhir-context/r4') as import('fhirpath').Model;

/** Expressions as published in R4, but for `where(resolve() is ..)`, which `refers` says. */
const expressions: Record<string, string> = {
  'Patient.family': 'Patient.name.family',
  'Patient.given': 'Patient.name.given',
  'Patient.name': 'Patient.name',
  'Patient.address-city': 'Patient.address.city',
  'Patient.address': 'Patient.address',
  'Patient.gender': 'Patient.gender',
  'Patient.active': 'Patient.active',
  'Patient.deceased': 'Patient.deceased.exists() and Patient.deceased != false',
  'Patient.telecom': 'Patient.telecom',
  'Patient.identifier': 'Patient.identifier',
  'Patient.birthdate': 'Patient.birthDate',
  'Patient.link': 'Patient.link.other',
  'Patient.general-practitioner': 'Patient.generalPractitioner',
  'Observation.code': 'Observation.code',
  'Observation.combo-code': 'Observation.code | Observation.component.code',
  'Observation.component-code': 'Observation.component.code',
  'Observation.category': 'Observation.category',
  'Observation.status': 'Observation.status',
  'Observation.date': 'Observation.effective',
  'Observation.value-string':
    '(Observation.value as string) | (Observation.value as CodeableConcept).text',
  'Observation.value-concept': '(Observation.value as CodeableConcept)',
  'Observation.value-quantity': '(Observation.value as Quantity)',
  'Observation.subject': 'Observation.subject',
  'Observation.patient': 'Observation.subject',
  'Observation.encounter': 'Observation.encounter',
  'Observation.has-member': 'Observation.hasMember',
  'Encounter.status': 'Encounter.status',
  'Encounter.class': 'Encounter.class',
  'Encounter.date': 'Encounter.period',
  'Encounter.length': 'Encounter.length',
  'Encounter.subject': 'Encounter.subject',
  'Encounter.patient': 'Encounter.subject',
  'Encounter.part-of': 'Encounter.partOf',
};

type Values = (resource: Resource) => unknown[];
const compiled = new Map<string, Values>();
const known = new Map<string, WeakMap<Resource, unknown[]>>();

/** The values a resource has for a parameter, e.g. `Patient.family`. */
export function valuesOf(parameter: string, resource: Resource): unknown[] {
  const expression = expressions[parameter];
  if (expression === undefined) throw new Error(`no expression of ${parameter}`);
  const run = compiled.get(parameter) ?? (fhirpath.compile(expression, model) as Values);
  compiled.set(parameter, run);
  const cache = known.get(parameter) ?? new WeakMap<Resource, unknown[]>();
  known.set(parameter, cache);
  const values = cache.get(resource) ?? run(resource);
  cache.set(resource, values);
  return values;
}

/** Any complex value, as far as it is looked into by name. */
interface Part {
  [name: string]: unknown;
  display?: unknown;
  event?: unknown;
  repeat?: unknown;
  boundsPeriod?: unknown;
  reference?: unknown;
}
const listed = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** The strings of a string, HumanName or Address. */
export function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  const names = ['text', 'family', 'given', 'prefix', 'suffix', 'line', 'city', 'district'];
  const all = [...names, 'state', 'postalCode', 'country'];
  return all.flatMap((name) => listed((value as Part)[name])) as string[];
}

const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** #string: equal to or beginning with, by base characters; each word of it counts as a beginning. */
export function stringMatches(text: string, modifier: string, wanted: string): boolean {
  if (modifier === ':exact') return text === wanted;
  const [have, want] = [fold(text), fold(wanted.trim())];
  if (modifier === ':contains') return have.includes(want);
  const begins = [
    0,
    ...[...have.matchAll(/[\s-]+/g)].map(({ index, 0: gap }) => index + gap.length),
  ];
  return begins.some((at) => have.startsWith(want, at));
}

interface Code {
  system?: string;
  code: string;
}

/** Codes of a boolean, code, Coding, CodeableConcept, Identifier or ContactPoint. */
function codesOf(value: unknown): Code[] {
  if (typeof value !== 'object' || value === null) return [{ code: String(value) }];
  const { coding, code, value: text, system } = value as Part;
  if (coding !== undefined) return listed(coding).flatMap(codesOf);
  const own = code ?? text;
  if (own === undefined) return [];
  const isContact = 'use' in value || system === 'phone';
  if (system === undefined || isContact) return [{ code: String(own) }];
  return [{ system: String(system), code: String(own) }];
}

/** #token: `code`, `system|code`, `|code`, `system|`; in doubt case-insensitive. */
export function tokenMatches(value: unknown, wanted: string): boolean {
  const [first = '', second] = wanted.split('|');
  return codesOf(value).some(({ system, code }) => {
    const same = (text: string): boolean => code.toLowerCase() === text.toLowerCase();
    if (second === undefined) return same(first);
    if (first === '') return system === undefined && same(second);
    return system === first && (second === '' || same(second));
  });
}

/** #token, `:text`: display or text, as a string search (here: at its beginning). */
export function textMatches(value: unknown, wanted: string): boolean {
  const { text, coding, display } = value as Part;
  const displays = listed(coding).map((one) => (one as Part).display);
  const texts = [text, display, ...displays].filter((one) => typeof one === 'string');
  return texts.some((one) => fold(one).startsWith(fold(wanted)));
}

export interface Span {
  lo: number;
  hi: number;
}

/** What a date, dateTime or instant denotes: its first and last millisecond; UTC without a zone. */
export function spanOf(text: string): Span {
  const [, year = '', month, day, minute, second, fraction, zone] =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/.exec(
      text,
    ) ?? [];
  const y = Number(year);
  if (month === undefined) return { lo: Date.UTC(y), hi: Date.UTC(y + 1) - 1 };
  const m = Number(month) - 1;
  if (day === undefined) return { lo: Date.UTC(y, m), hi: Date.UTC(y, m + 1) - 1 };
  const d = Number(day);
  if (minute === undefined) return { lo: Date.UTC(y, m, d), hi: Date.UTC(y, m, d + 1) - 1 };
  const clock = `${minute}:${second ?? '00'}${fraction ?? ''}`;
  const lo = Date.parse(`${year}-${month}-${day}T${clock}${zone ?? 'Z'}`);
  const length = fraction !== undefined ? 1 : second !== undefined ? 1000 : 60_000;
  return { lo, hi: lo + length - 1 };
}

const NEVER = 1e17;
const eventsOf = (value: Part): string[] => listed(value.event) as string[];

/** What a date, Period or Timing covers; of a Timing the outer limits. */
export function coveredBy(value: unknown): Span | undefined {
  if (typeof value !== 'object' || value === null) return spanOf(String(value));
  const events = eventsOf(value as Part).map(spanOf);
  if (events.length > 0) {
    return {
      lo: Math.min(...events.map(({ lo }) => lo)),
      hi: Math.max(...events.map(({ hi }) => hi)),
    };
  }
  const bounds = ((value as Part).repeat as Part | undefined)?.boundsPeriod;
  const { start, end } = (bounds ?? value) as Part;
  if (start === undefined && end === undefined) return undefined;
  return {
    lo: start === undefined ? -NEVER : spanOf(String(start)).lo,
    hi: end === undefined ? NEVER : spanOf(String(end)).hi,
  };
}

type Compare = (target: Span, search: Span) => boolean;
const contained: Compare = (target, search) => search.lo <= target.lo && target.hi <= search.hi;
const above: Compare = (target, search) => target.hi > search.hi;
const below: Compare = (target, search) => target.lo < search.lo;

/** #prefix, word for word. */
export const datePrefixes: Record<string, Compare> = {
  '': contained,
  eq: contained,
  ne: (target, search) => !contained(target, search),
  gt: above,
  lt: below,
  ge: (target, search) => above(target, search) || contained(target, search),
  le: (target, search) => below(target, search) || contained(target, search),
  sa: (target, search) => target.lo > search.hi,
  eb: (target, search) => target.hi < search.lo,
};

/** Quantities in milligrams or minutes, as fractions of thousands so that sums stay whole. */
const scales: Record<string, number> = { mg: 1, g: 1000, kg: 1_000_000, min: 1, h: 60 };
const kinds: Record<string, string> = { mg: 'mass', g: 'mass', kg: 'mass', min: 'time', h: 'time' };
const UCUM = 'http://unitsofmeasure.org';

export interface Amount {
  prefix: string;
  text: string;
  /** Empty where any unit will do; `|unit` for the code or the human unit, else a UCUM code. */
  unit: string;
}

/** #quantity: by canonical units where a UCUM unit is asked for. */
export function quantityMatches(value: unknown, { prefix, text, unit }: Amount): boolean {
  const { value: number, unit: human, code, system } = value as Part;
  if (number === undefined) return false;
  const loose = unit === '' || unit.startsWith('|');
  if (unit.startsWith('|') && unit.slice(1) !== code && unit.slice(1) !== human) return false;
  if (!loose && (system !== UCUM || kinds[String(code)] !== kinds[unit])) return false;
  const scale = loose ? 1 : (scales[unit] ?? 1);
  const have = thousandths(Number(number) * (loose ? 1 : (scales[String(code)] ?? 1)));
  const want = thousandths(Number(text) * scale);
  const decimals = text.split('.')[1]?.length ?? 0;
  const half = thousandths((0.5 * scale) / 10 ** decimals);
  return compareNumbers(have, prefix, { want, half });
}

const thousandths = (value: number): number => Math.round(value * 1e6);

/** #number: without a comparison a range by the precision of the search, else the exact number. */
function compareNumbers(
  have: number,
  prefix: string,
  { want, half }: { want: number; half: number },
): boolean {
  const near = have >= want - half && have < want + half;
  if (prefix === '' || prefix === 'eq') return near;
  if (prefix === 'ne') return !near;
  if (prefix === 'gt' || prefix === 'sa') return have > want;
  if (prefix === 'lt' || prefix === 'eb') return have < want;
  return prefix === 'ge' ? have >= want : have <= want;
}

/** Where a reference leads on this server, as `Type/id`; undefined where it leads elsewhere. */
export function targetOf(value: unknown): string | undefined {
  const text = (value as Part).reference;
  if (typeof text !== 'string') return undefined;
  const local = text.startsWith(`${BASE}/`) ? text.slice(BASE.length + 1) : text;
  return /^[A-Z]\w+\/[^/]+/.exec(local)?.[0];
}
