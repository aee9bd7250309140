import fc from 'fast-check';
import type { Resource } from '../../../server/fhir/types.ts';
import * as oracle from './oracle.ts';
import type { Type } from './random.ts';
import * as random from './random.ts';

/** Random queries, each with what R4 says it means: a test of one resource in its world. */
export interface World {
  /** By `Type/id`. */
  byName: ReadonlyMap<string, Resource>;
  all: readonly (Resource & { id: string })[];
}

interface Term {
  name: string;
  value: string;
  holds(resource: Resource, world: World): boolean;
}

export interface Query {
  /** As in a URL. */
  text: string;
  holds(resource: Resource, world: World): boolean;
}

const one = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const alternatives = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength: 1, maxLength: 2 });
const escaped = (text: string): string => text.replace(/[\\,|$]/g, '\\$&');

/** A criterion that holds where a value of the parameter fits one of the alternatives. */
function anyValue<T>(
  { type, code, modifier = '' }: { type: Type; code: string; modifier?: string },
  { values, show }: { values: T[]; show: (value: T) => string },
  fits: (value: unknown, wanted: T) => boolean,
): Term {
  return {
    name: `${code}${modifier}`,
    value: values.map(show).join(),
    holds: (resource) =>
      oracle
        .valuesOf(`${type}.${code}`, resource)
        .some((value) => values.some((wanted) => fits(value, wanted))),
  };
}

const missing = (type: Type, code: string): fc.Arbitrary<Term> =>
  fc.boolean().map((is) => ({
    name: `${code}:missing`,
    value: `${is}`,
    holds: (resource) => (oracle.valuesOf(`${type}.${code}`, resource).length === 0) === is,
  }));

const strings = (type: Type, code: string, words: string[]): fc.Arbitrary<Term> =>
  fc
    .record({
      modifier: one('', '', ':contains', ':exact'),
      values: alternatives(
        fc
          .record({ word: one(...words), from: one(0, 0, 1), length: one(1, 2, 3, 5, 99) })
          .map(({ word, from, length }) => word.slice(from, from + length)),
      ),
    })
    .map(({ modifier, values }) =>
      anyValue({ type, code, modifier }, { values, show: escaped }, (value, wanted) =>
        oracle.stringsOf(value).some((text) => oracle.stringMatches(text, modifier, wanted)),
      ),
    );

/** `words` as they are written in a search, `system|code` and so on. */
const tokens = (type: Type, code: string, words: string[]): fc.Arbitrary<Term> =>
  fc.record({ not: one(false, false, true), values: alternatives(one(...words)) }).map((pick) => {
    const show = (text: string): string => text.replace(',', '\\,');
    const term = anyValue({ type, code }, { values: pick.values, show }, oracle.tokenMatches);
    if (!pick.not) return term;
    // #token: all resources that do not have a matching item.
    return {
      ...term,
      name: `${code}:not`,
      holds: (resource, world) => !term.holds(resource, world),
    };
  });

const tokenTexts = (type: Type, code: string): fc.Arbitrary<Term> =>
  fc
    .tuple(one(...random.texts), one(1, 4, 99))
    .map(([text, length]) =>
      anyValue(
        { type, code, modifier: ':text' },
        { values: [text.slice(0, length)], show: escaped },
        oracle.textMatches,
      ),
    );

const prefixes = Object.keys(oracle.datePrefixes);
const datesOf = (type: Type, code: string): fc.Arbitrary<Term> =>
  alternatives(fc.record({ prefix: one(...prefixes), text: random.dates })).map((values) =>
    anyValue(
      { type, code },
      { values, show: ({ prefix, text }) => `${prefix}${text}` },
      (value, { prefix, text }) => {
        const span = oracle.coveredBy(value);
        const compare = oracle.datePrefixes[prefix];
        return span !== undefined && compare?.(span, oracle.spanOf(text)) === true;
      },
    ),
  );

const unitText = (unit: string): string =>
  unit === '' ? '' : unit.startsWith('|') ? `|${unit}` : `|${random.UCUM}|${unit}`;
const quantities = (type: Type, code: string, units: string[]): fc.Arbitrary<Term> =>
  alternatives(
    fc.record({
      prefix: one(...prefixes),
      text: one('0.5', '1', '1.0', '1.5', '2', '60', '90', '1000', '1500', '1500.0'),
      unit: one(...units),
    }),
  ).map((values) =>
    anyValue(
      { type, code },
      { values, show: ({ prefix, text, unit }) => `${prefix}${text}${unitText(unit)}` },
      oracle.quantityMatches,
    ),
  );

interface Link {
  type: Type;
  code: string;
  target: Type;
  /** The parameter allows no other type of target. */
  only: boolean;
}
const links: Link[] = [
  { type: 'Patient', code: 'link', target: 'Patient', only: false },
  { type: 'Observation', code: 'subject', target: 'Patient', only: false },
  { type: 'Observation', code: 'patient', target: 'Patient', only: true },
  { type: 'Observation', code: 'encounter', target: 'Encounter', only: true },
  { type: 'Observation', code: 'has-member', target: 'Observation', only: false },
  { type: 'Encounter', code: 'subject', target: 'Patient', only: false },
  { type: 'Encounter', code: 'patient', target: 'Patient', only: true },
  { type: 'Encounter', code: 'part-of', target: 'Encounter', only: true },
];

const targetsOf = ({ type, code }: Link, resource: Resource): string[] =>
  oracle.valuesOf(`${type}.${code}`, resource).flatMap((value) => oracle.targetOf(value) ?? []);

/** By id alone, `Type/id` or `:Type`. */
const references = (link: Link): fc.Arbitrary<Term> =>
  fc
    .record({ n: fc.integer({ min: 0, max: random.counts[link.target] - 1 }), as: one(0, 1, 2) })
    .map(({ n, as }) => {
      const id = `${link.target[0]?.toLowerCase()}${n}`;
      const name = as === 2 ? `${link.code}:${link.target}` : link.code;
      const full = `${link.target}/${id}`;
      return {
        ...{ name, value: as === 0 ? full : id },
        holds: (resource) => targetsOf(link, resource).includes(full),
      };
    });

/** #chaining: it refers to a resource that fits. */
const chain = (link: Link, depth: number): fc.Arbitrary<Term> =>
  fc
    .record({ inner: terms(link.target, depth - 1), typed: fc.boolean() })
    .map(({ inner, typed }) => ({
      name: `${link.code}${typed || !link.only ? `:${link.target}` : ''}.${inner.name}`,
      value: inner.value,
      holds: (resource, world) =>
        targetsOf(link, resource).some((name) => {
          const target = name.startsWith(`${link.target}/`) ? world.byName.get(name) : undefined;
          return target !== undefined && inner.holds(target, world);
        }),
    }));

/** #has: a resource that fits refers to it. */
const has = (link: Link, depth: number): fc.Arbitrary<Term> =>
  terms(link.type, depth - 1).map((inner) => ({
    name: `_has:${link.type}:${link.code}:${inner.name}`,
    value: inner.value,
    holds: ({ resourceType, id }, world) =>
      world.all.some(
        (source) =>
          source.resourceType === link.type &&
          targetsOf(link, source).includes(`${resourceType}/${id}`) &&
          inner.holds(source, world),
      ),
  }));

const { LOINC, LOCAL } = random;
const codings = ['a', 'B', 'd', `${LOINC}|a`, `${LOCAL}|D`, `${LOINC}|`, '|b', 'zz'];

const plain: Record<Type, fc.Arbitrary<Term>[]> = {
  Patient: [
    strings('Patient', 'family', random.families),
    strings('Patient', 'given', random.givens),
    strings('Patient', 'name', [...random.families, ...random.givens]),
    strings('Patient', 'address-city', random.cities),
    strings('Patient', 'address', random.cities),
    tokens('Patient', 'gender', ['male', 'FEMALE', 'other', 'none']),
    tokens('Patient', 'active', ['true', 'false']),
    tokens('Patient', 'deceased', ['true', 'false']),
    tokens('Patient', 'telecom', ['1', '2', '3']),
    tokens('Patient', 'identifier', [...codings, 'x,y', `${LOCAL}|x,y`]),
    datesOf('Patient', 'birthdate'),
    ...['family', 'name', 'gender', 'identifier', 'birthdate', 'link', 'address', 'telecom'].map(
      (code) => missing('Patient', code),
    ),
  ],
  Observation: [
    tokens('Observation', 'code', codings),
    tokens('Observation', 'combo-code', codings),
    tokens('Observation', 'component-code', codings),
    tokens('Observation', 'category', codings),
    tokens('Observation', 'value-concept', codings),
    tokens('Observation', 'status', ['final', 'Preliminary']),
    tokenTexts('Observation', 'code'),
    tokenTexts('Observation', 'category'),
    strings('Observation', 'value-string', random.texts),
    datesOf('Observation', 'date'),
    datesOf('Observation', 'date'),
    quantities('Observation', 'value-quantity', ['', 'mg', 'g', 'kg', '|mg', '|gram']),
    ...['category', 'date', 'value-quantity', 'value-string', 'subject', 'encounter'].map((code) =>
      missing('Observation', code),
    ),
  ],
  Encounter: [
    tokens('Encounter', 'class', codings),
    tokens('Encounter', 'status', ['planned', 'finished']),
    tokenTexts('Encounter', 'class'),
    datesOf('Encounter', 'date'),
    quantities('Encounter', 'length', ['', 'min', 'h', '|h']),
    ...['date', 'length', 'subject', 'part-of'].map((code) => missing('Encounter', code)),
  ],
};

/** A criterion on a type, with chains and `_has` up to a depth. */
function terms(type: Type, depth: number): fc.Arbitrary<Term> {
  const own = fc.oneof(...plain[type]);
  const from = links.filter((link) => link.type === type);
  const to = links.filter((link) => link.target === type);
  const refer = fc.oneof(...from.map(references));
  if (depth === 0) return fc.oneof({ weight: 4, arbitrary: own }, { weight: 1, arbitrary: refer });
  return fc.oneof(
    { weight: 3, arbitrary: own },
    { weight: 1, arbitrary: refer },
    { weight: 2, arbitrary: fc.oneof(...from.map((link) => chain(link, depth))) },
    { weight: 2, arbitrary: fc.oneof(...to.map((link) => has(link, depth))) },
  );
}

/** Queries of one to three criteria. */
export const queries = (type: Type): fc.Arbitrary<Query> =>
  fc.array(terms(type, 2), { minLength: 1, maxLength: 3 }).map((all) => ({
    text: all.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('&'),
    holds: (resource, world) => all.every((term) => term.holds(resource, world)),
  }));
