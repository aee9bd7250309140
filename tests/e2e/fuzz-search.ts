import type { Definitions } from '../../server/fhir/definitions.ts';
import { nasty, type Random } from './fuzz-random.ts';

/** Searches, most of them senseless, as query texts. */

const controls = [
  ...[
    '_id',
    '_lastUpdated',
    '_tag',
    '_profile',
    '_security',
    '_source',
    '_text',
    '_content',
    '_list',
  ],
  ...['_has', '_type', '_query', '_filter', '_sort', '_count', '_include', '_revinclude', '_total'],
  ...[
    '_summary',
    '_elements',
    '_contained',
    '_format',
    '_pretty',
    '_since',
    '_at',
    '_cursor',
    '_page',
  ],
  ...[
    '_has:Observation:patient:code',
    '_has:Observation:patient:_has:Provenance:target:agent',
    '__proto__',
  ],
  ...[
    '_include:iterate',
    'constructor',
    'subject.name',
    'subject:Patient.organization.name',
    '',
    '.',
    ':',
  ],
];

const modifiers = [
  ...[
    'missing',
    'exact',
    'contains',
    'text',
    'in',
    'not-in',
    'below',
    'above',
    'not',
    'identifier',
  ],
  ...[
    'of-type',
    'Patient',
    'Foo',
    'iterate',
    '',
    'missing:missing',
    'constructor',
    'x'.repeat(500),
  ],
];

const prefixes = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap', 'xx', 'GT', 'gtgt'];

const sound = [
  ...[
    '2020',
    '2020-05-05T10:00:00Z',
    '5.4',
    '5.4|http://unitsofmeasure.org|mg',
    '5.40e-3||mg',
    '1e3',
  ],
  ...['http://loinc.org|1234-5', '|1234-5', 'http://loinc.org|', 'Patient/1', '1', 'true', 'false'],
  ...[
    'http://x/y|1.0',
    'kern',
    'Patient:general-practitioner',
    'Observation:subject',
    '*',
    'final',
  ],
  ...[
    '-date',
    'date,-_lastUpdated',
    'count',
    'data',
    'accurate',
    'none',
    '20',
    '0',
    '10001',
    '1-5$2',
  ],
];

function value(random: Random): string {
  const one = (): string => random.pick(prefixes) + random.pick(random.chance(0.5) ? sound : nasty);
  return random.pick<() => string>([
    one,
    one,
    one,
    () => `${one()},${one()}`,
    () => `${one()}$${one()}`,
    () =>
      Array.from({ length: random.pick([50, 800]) }, (_, i) => `${random.pick(sound)}${i}`).join(
        ',',
      ),
    () => ','.repeat(random.below(20)),
  ])();
}

/** Most texts well encoded, some raw or with broken escapes. */
function encoded(random: Random, text: string): string {
  if (random.chance(0.9)) return encodeURIComponent(text.toWellFormed());
  const raw = text.replace(/[^!-~]|[#]/g, '');
  return raw + random.pick(['', '%', '%zz', '%c3', '%00', '%ed%a0%80', '+', '%2', '&', '=', ';']);
}

/** `name=value&..` over the parameters that a type has, and others. */
export function wrongQuery(random: Random, definitions: Definitions, type: string): string {
  const own = [...definitions.searchParams(type).keys()];
  const count = random.chance(0.02) ? 2000 : 1 + random.below(4);
  const parts = Array.from({ length: count }, () => {
    const name = random.pick(random.chance(0.75) ? own : controls);
    const modifier = random.chance(0.3) ? `:${random.pick(modifiers)}` : '';
    return `${encoded(random, name + modifier)}=${encoded(random, value(random))}`;
  });
  return parts.join('&').slice(0, 15_000);
}
