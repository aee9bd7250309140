import fc from 'fast-check';
import type { Resource } from '../../../server/fhir/types.ts';
import { BASE } from '../../helpers/store.ts';

/** Random Patients, Observations and Encounters that refer to each other. */
type Stored = Resource & { id: string };

export const counts = { Patient: 60, Observation: 140, Encounter: 60 } as const;
export type Type = keyof typeof counts;

export const LOINC = 'http://loinc.org';
export const LOCAL = 'urn:local';
export const UCUM = 'http://unitsofmeasure.org';
export const families = ['Ahmadi', 'Åhlén', 'Berg', 'Bergström', 'van Berg', 'Ber, g', 'Eve-Lyn'];
export const givens = ['Anna', 'ÁNA', 'Bo', 'Béla', 'Eve', 'Jo|hn', 'Maria Eve'];
export const cities = ['Köln', 'Berlin', 'New Bergen'];
export const texts = ['Heart rate', 'heartburn', 'Körpergewicht', 'weight'];
export const codes = ['a', 'b', 'c', 'D'];

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 3 });
const one = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const several = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[] | undefined> =>
  fc.array(arbitrary, { maxLength }).map((list) => (list.length > 0 ? list : undefined));

/** Dates of every precision and several zones, close enough to each other to meet. */
export const dates: fc.Arbitrary<string> = fc
  .record({
    day: fc.integer({ min: 0, max: 420 }),
    minute: one(0, 1, 30, 719, 1439),
    zone: one('Z', '+05:30', '-08:00'),
    precision: one('year', 'month', 'day', 'minute', 'second', 'ms'),
  })
  .map(({ day, minute, zone, precision }) => {
    const iso = new Date(Date.UTC(2019, 11, 1 + day, 0, minute)).toISOString();
    if (precision === 'year') return iso.slice(0, 4);
    if (precision === 'month') return iso.slice(0, 7);
    if (precision === 'day') return iso.slice(0, 10);
    if (precision === 'minute') return `${iso.slice(0, 16)}${zone}`;
    return `${iso.slice(0, 19)}${precision === 'ms' ? '.500' : ''}${zone}`;
  });
/** Resources hold no dates that end with the minute. */
const stored = dates.map((text) => text.replace(/(T\d\d:\d\d)(Z|[+-])/, '$1:00$2'));
const days = dates.map((text) => text.slice(0, 10));

const coding = fc.record({
  system: maybe(one(LOINC, LOCAL)),
  code: one(...codes),
  display: maybe(one(...texts)),
});
const concept = fc
  .record({ coding: several(coding), text: maybe(one(...texts)) })
  .map((value) => (value.coding || value.text ? value : { text: 'nothing else' }));
const mass = fc.record({
  value: one(0.5, 1, 1.5, 2, 1000, 1500),
  unit: maybe(one('mg', 'gram')),
  measure: one('mg', 'g', 'kg', undefined),
});
const quantity = mass.map(({ value, unit, measure }) => ({
  ...{ value, unit },
  ...(measure === undefined ? {} : { system: UCUM, code: measure }),
}));
const period = fc.tuple(stored, stored, one('both', 'start', 'end')).map(([a, b, ends]) => {
  const [start, end] = new Date(a) <= new Date(b) ? [a, b] : [b, a];
  return { ...(ends !== 'end' && { start }), ...(ends !== 'start' && { end }) };
});

const id = (type: Type): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max: counts[type] - 1 }).map((n) => `${type}/${type[0]?.toLowerCase()}${n}`);
const local = (type: Type): fc.Arbitrary<string> =>
  fc
    .tuple(id(type), one('', '', '', `${BASE}/`, 'https://elsewhere.example.org/fhir/'))
    .map(([target, prefix]) => `${prefix}${target}`);
const refersTo = (target: fc.Arbitrary<string>) => target.map((reference) => ({ reference }));

const given = fc.array(one(...givens), { minLength: 1, maxLength: 2 });
const personName = fc.record({ family: one(...families), given: maybe(given) });

const patient = fc.record({
  active: maybe(fc.boolean()),
  gender: maybe(one('male', 'female', 'other')),
  birthDate: maybe(days),
  deceasedBoolean: maybe(fc.boolean()),
  name: several(
    fc.oneof(
      personName,
      given.map((list) => ({ given: list })),
    ),
  ),
  address: several(fc.record({ city: one(...cities) }), 1),
  telecom: several(fc.record({ system: one('phone'), value: one('1', '2'), use: one('home') })),
  identifier: several(fc.record({ system: maybe(one(LOINC, LOCAL)), value: one(...codes, 'x,y') })),
  link: several(fc.record({ other: refersTo(local('Patient')), type: one('seealso') }), 1),
});

const observation = fc
  .record({
    status: one('final', 'preliminary'),
    code: concept,
    category: several(concept),
    subject: maybe(refersTo(fc.oneof(local('Patient'), one('Group/g1', 'Location/l1')))),
    encounter: maybe(refersTo(local('Encounter'))),
    hasMember: several(refersTo(local('Observation'))),
    when: one('effectiveDateTime', 'effectivePeriod', 'effectiveTiming', ''),
    date: stored,
    period,
    events: fc.array(stored, { minLength: 1, maxLength: 3 }),
    what: one('valueQuantity', 'valueString', 'valueCodeableConcept', ''),
    quantity,
    text: one(...texts),
    answer: concept,
    component: several(fc.record({ code: concept })),
  })
  // Not both a value and components: they might be about the same code (obs-7).
  .map((one) => (one.component ? { ...one, what: '' } : one))
  .map(({ when, date, period: span, events, what, quantity: amount, text, answer, ...rest }) => ({
    ...rest,
    ...(when === 'effectiveDateTime' && { effectiveDateTime: date }),
    ...(when === 'effectivePeriod' && { effectivePeriod: span }),
    ...(when === 'effectiveTiming' && { effectiveTiming: { event: events } }),
    ...(what === 'valueQuantity' && { valueQuantity: amount }),
    ...(what === 'valueString' && { valueString: text }),
    ...(what === 'valueCodeableConcept' && { valueCodeableConcept: answer }),
  }));

const encounter = fc.record({
  status: one('planned', 'finished', 'cancelled'),
  class: coding,
  subject: maybe(refersTo(fc.oneof(local('Patient'), one('Group/g1')))),
  period: maybe(period),
  length: maybe(
    fc.record({ value: one(1, 60, 90), measure: one('h', 'min') }).map(({ value, measure }) => ({
      ...{ value, system: UCUM, code: measure },
    })),
  ),
  partOf: maybe(refersTo(local('Encounter'))),
});

/** The same resources for the same seed; ids are `p0`, `o0`, `e0`, ... */
export function resources(seed: number): Stored[] {
  const make = (resourceType: Type, arbitrary: fc.Arbitrary<object>): Stored[] =>
    fc
      .sample(arbitrary, { seed, numRuns: counts[resourceType] })
      .map((content, n) =>
        JSON.parse(
          JSON.stringify({ resourceType, id: `${resourceType[0]?.toLowerCase()}${n}`, ...content }),
        ),
      );
  return [
    ...make('Patient', patient),
    ...make('Encounter', encounter),
    ...make('Observation', observation),
  ];
}
