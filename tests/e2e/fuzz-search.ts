import type { Definitions, SearchParamDef } from '../../server/fhir/definitions.ts';
import { nasty, type Random } from './fuzz-random.ts';

/** Searches as query texts: sound ones, senseless ones, and those in between. */

const controls = [
  ...['_id', '_lastUpdated', '_tag', '_profile', '_security', '_source', '_text', '_content'],
  ...['_has', '_type', '_query', '_filter', '_sort', '_count', '_include', '_revinclude', '_list'],
  ...['_summary', '_elements', '_contained', '_format', '_pretty', '_since', '_at', '_cursor'],
  ...['_has:Observation:patient:code', '_has:Group:member:_has:List:item:code', '__proto__'],
  ...['_include:iterate', 'constructor', 'subject.name', 'subject:Patient.organization.name'],
  ...['_total', '_page', '', '.', ':'],
];

const modifiers = [
  ...['missing', 'exact', 'contains', 'text', 'in', 'not-in', 'below', 'above', 'not', 'of-type'],
  ...['identifier', 'Patient', 'Foo', 'iterate', '', 'missing:missing', 'constructor'],
];

const sound: Record<string, readonly string[]> = {
  date: [
    '2020',
    'ge2020-05',
    'lt2020-05-05',
    'ap2020-05-05T10:00:00Z',
    'ne2020',
    'sa0001',
    'eb9999',
  ],
  number: ['5', 'gt5.40', 'le-1e3', 'ap100', '1e-300', 'eq0.00000000000000000001', 'ne9e99'],
  quantity: ['5.4', '5.4|http://unitsofmeasure.org|mg', 'ge5.40e-3||mg', 'ap1e30', 'lt-5||'],
  reference: ['Patient/1', '1', 'http://x.org/y/Patient/1', 'urn:uuid:1', 'Patient/1/_history/2'],
  string: ['kern', 'K\u00e9rn', '%', '_', '\\\\', "O'Brien", 'a b', '\u{1f469}'],
  token: ['http://loinc.org|1234-5', '|1234-5', 'http://loinc.org|', 'final', 'true', 'a\\|b'],
  uri: ['http://x/y', 'urn:oid:1.2', 'http://x/y|1.0'],
  composite: ['1234-5$5.4', 'http://loinc.org|1-2$gt5.4|http://unitsofmeasure.org|mg', 'a$2020'],
  special: [
    'near',
    '1|2|3|km',
    '*',
    'Patient:organization',
    '-date',
    '0',
    '10001',
    'count',
    'none',
  ],
};
const anything = Object.values(sound).flat();

function value(random: Random, type: string): string {
  const right = sound[type] ?? anything;
  const one = (): string =>
    random.pick(random.chance(0.8) ? right : random.chance(0.5) ? anything : nasty);
  return random.pick<() => string>([
    one,
    one,
    one,
    () => `${one()},${one()}`,
    () => `${random.pick(right)},${random.pick(right)}`,
    () => `${one()}$${one()}`,
    () => Array.from({ length: random.pick([50, 800]) }, () => random.pick(right)).join(','),
    () => ','.repeat(random.below(20)),
    () => random.pick(['xx', 'GT', 'gt', 'gtgt', 'ap', 'ne']) + one(),
  ])();
}

/** Most texts well encoded, some raw or with broken escapes. */
function encoded(random: Random, text: string): string {
  if (random.chance(0.95)) return encodeURIComponent(text.toWellFormed());
  const raw = text.replace(/[^!-~]|[#]/g, '');
  return raw + random.pick(['', '%', '%zz', '%c3', '%00', '%ed%a0%80', '+', '%2', '&', '=', ';']);
}

function pair(random: Random, own: readonly SearchParamDef[]): string {
  const isControl = own.length === 0 || random.chance(0.12);
  const { code, type } = isControl
    ? { code: random.pick(controls), type: 'special' }
    : random.pick(own);
  const modifier = random.chance(0.1) ? `:${random.pick(modifiers)}` : '';
  return `${encoded(random, code + modifier)}=${encoded(random, value(random, type))}`;
}

/** `name=value&..` over the parameters that a type has, and others. */
export function wrongQuery(random: Random, definitions: Definitions, type: string): string {
  const own = [...definitions.searchParams(type).values()];
  const count = random.chance(0.01) ? 2000 : 1 + random.below(3);
  const pairs = Array.from({ length: count }, () => pair(random, own));
  return pairs.join('&').slice(0, 15_000);
}
