import { type Amount, type Coded, isCoded, type Seen, where } from './checks.ts';
import { REVIEW } from './clinical.ts';
import { conditions, LOINC, UCUM, vitalSigns } from './codes.ts';
import type { Request } from './http.ts';
import { MIDDLE } from './records.ts';
import {
  ask,
  byCodeAndDate,
  byIdentifier,
  byName,
  frequentCodes,
  isLate,
  loinc,
  ofRecord,
  PAGE,
  perPatient,
  q,
  vitalsOf,
} from './searches.ts';
import type { SearchShape } from './shapes.ts';
import type { World } from './world.ts';

/** What is searched for: values of every type, and the modifiers. */

const one =
  (query: string, holds: { what: string; fits: (resource: Seen) => boolean }) =>
  (world: World): Request[] => [
    ask(world, `${query}&_count=${PAGE}`, {
      type: query.split('?')[0] ?? '',
      least: PAGE,
      each: where(holds.what, holds.fits),
    }),
  ];

const exceeds = (amount: Amount | undefined, limit: number, unit?: string): boolean =>
  (amount?.value ?? 0) >= limit && (unit === undefined || amount?.code === unit);

/** Vital signs above what about one in seven of them reaches. */
const highSigns = vitalSigns.map(
  ([code, , , low, high]) => [code, (low + 0.85 * (high - low)).toFixed(1)] as const,
);

/** Only one measure of the data has each of these units. */
const quantities = [
  { unit: 'cm', limit: 190, other: '1.9', otherUnit: 'm' },
  { unit: 'kg', limit: 120, other: '120000', otherUnit: 'g' },
  { unit: 'Cel', limit: 38.5, other: '311.65', otherUnit: 'K' },
] as const;

const byQuantity =
  (quantityOf: (one: (typeof quantities)[number]) => string) =>
  (world: World): Request[] =>
    quantities.map((quantity) => {
      const { unit, limit } = quantity;
      return ask(world, `Observation?value-quantity=${q(quantityOf(quantity))}&_count=${PAGE}`, {
        type: 'Observation',
        each: where(`above ${limit} ${unit}`, ({ valueQuantity }) =>
          exceeds(valueQuantity, limit, unit),
        ),
      });
    });

const wholeFamily = (name: Seen['name'], fits: (family: string) => boolean): boolean =>
  name?.some(({ family = '' }) => fits(family)) === true;

const textBegins = (concept: Coded | undefined, text: string): boolean =>
  concept?.text?.toLowerCase().startsWith(text) === true;

const SYSTOLIC = '8480-6';

export const valueShapes: readonly SearchShape[] = [
  { name: 'patient', kind: 'page', requests: perPatient(ofRecord) },
  { name: 'patient and category, sorted by date', kind: 'page', requests: perPatient(vitalsOf) },
  {
    name: 'code and date',
    kind: 'matches',
    requests: (world) => frequentCodes.map((code) => byCodeAndDate(world, code)),
  },
  { name: 'identifier', kind: 'page', requests: perPatient(byIdentifier) },
  {
    name: 'name',
    kind: 'page',
    // One letter, so that pages are full at all sizes: more names must not mean longer answers.
    requests: perPatient((world, patient) => byName(world, patient, 1)),
  },
  {
    name: 'composite, code-value-quantity',
    kind: 'matches',
    requests: (world) =>
      highSigns.map(([code, limit]) =>
        ask(world, `Observation?code-value-quantity=${loinc(code)}$gt${limit}&_count=${PAGE}`, {
          type: 'Observation',
          each: where(`${code} above ${limit}`, (resource) =>
            Boolean(isCoded(resource.code, code) && exceeds(resource.valueQuantity, Number(limit))),
          ),
        }),
      ),
  },
  {
    name: 'composite on components',
    kind: 'matches',
    requests: one(`Observation?component-code-value-quantity=${loinc(SYSTOLIC)}$gt160`, {
      what: 'systolic above 160',
      fits: ({ component }) =>
        component?.some(
          (part) => isCoded(part.code, SYSTOLIC) && exceeds(part.valueQuantity, 160),
        ) === true,
    }),
  },
  {
    name: 'quantity with unit',
    kind: 'matches',
    requests: byQuantity(({ unit, limit }) => `gt${limit}|${UCUM}|${unit}`),
  },
  {
    name: 'quantity in another unit',
    kind: 'matches',
    requests: byQuantity(({ other, otherUnit }) => `gt${other}|${UCUM}|${otherUnit}`),
  },
  {
    name: ':not',
    kind: 'page',
    requests: one('MedicationRequest?status:not=stopped', {
      what: 'other than stopped',
      fits: ({ status }) => status !== 'stopped',
    }),
  },
  {
    name: ':missing=true',
    kind: 'page',
    requests: one('Condition?abatement-date:missing=true', {
      what: 'without abatement',
      fits: ({ abatementDateTime }) => abatementDateTime === undefined,
    }),
  },
  {
    name: ':missing=false',
    kind: 'page',
    requests: one('Condition?abatement-date:missing=false', {
      what: 'with an abatement',
      fits: ({ abatementDateTime }) => abatementDateTime !== undefined,
    }),
  },
  {
    name: ':contains',
    kind: 'matches',
    requests: perPatient((world, { family }) => {
      const part = family.slice(2, -3).toLowerCase();
      return ask(world, `Patient?family:contains=${q(part)}&_count=${PAGE}`, {
        type: 'Patient',
        each: where(`called ..${part}..`, ({ name }) =>
          wholeFamily(name, (text) => text.toLowerCase().includes(part)),
        ),
      });
    }),
  },
  {
    name: ':exact',
    kind: 'page',
    requests: perPatient((world, { family }) =>
      ask(world, `Patient?family:exact=${q(family)}&_count=${PAGE}`, {
        type: 'Patient',
        each: where(`called ${family}`, ({ name }) => wholeFamily(name, (text) => text === family)),
      }),
    ),
  },
  {
    name: ':text',
    kind: 'matches',
    requests: (world) =>
      conditions.map(([, display]) => {
        const text = display.toLowerCase().slice(0, 8);
        return ask(world, `Condition?code:text=${q(text)}&_count=${PAGE}`, {
          type: 'Condition',
          each: where(`with a text ${text}..`, ({ code }) => textBegins(code, text)),
        });
      }),
  },
  {
    name: '_tag',
    kind: 'page',
    requests: one(`Observation?_tag=${q(`${REVIEW.system}|${REVIEW.code}`)}`, {
      what: 'tagged',
      fits: ({ meta }) => meta?.tag?.some(({ code }) => code === REVIEW.code) === true,
    }),
  },
  {
    name: '_list',
    kind: 'page',
    requests: perPatient((world, { id, list, listed }) =>
      ask(world, `Observation?_list=${list}&_count=${PAGE}`, {
        type: 'Observation',
        least: listed,
        each: where('on the list', (resource) => resource.subject?.reference === `Patient/${id}`),
      }),
    ),
  },
  {
    name: '_filter',
    kind: 'matches',
    requests: (world) =>
      frequentCodes.slice(1).map((code, at) => {
        const codes = [code, frequentCodes[at] ?? code];
        const either = codes.map((each) => `code eq ${LOINC}|${each}`).join(' or ');
        const filter = `(${either}) and date ge ${MIDDLE}`;
        return ask(world, `Observation?_filter=${q(filter)}&_count=${PAGE}`, {
          type: 'Observation',
          each: where(filter, (resource) =>
            Boolean(isLate(resource) && codes.some((each) => isCoded(resource.code, each))),
          ),
        });
      }),
  },
];
