import fc from 'fast-check';
import { definitions } from '../helpers/store.ts';

/**
 * Random records of two patients in two branches that refer to each other wherever that gives no
 * access. Every text of a side holds its mark (`zqa12x`), ids do not: the other side may know them.
 */

export type Side = 'a' | 'b';
const SIDES: readonly Side[] = ['a', 'b'];

/** The mark of something of a side, in whatever case. */
export const markOf = (side: Side): RegExp => new RegExp(`zq${side}\\d+x`, 'i');

const ref = (reference: string) => ({ reference });
const list = (one: object) => [one];
const coded = (text: string) => ({ text });

/** How each type is made; what all have in common is added. `of` is the reference to its patient. */
const MADE: Record<string, (of: object, mark: string) => object> = {
  Encounter: (subject, mark) => ({
    ...{ status: 'in-progress', class: { code: 'IMP' }, subject, type: [coded(mark)] },
  }),
  Observation: (subject, mark) => ({
    ...{ status: 'final', code: coded(mark), subject, valueString: mark },
    ...{ contained: [person(mark)], performer: [ref('#c')] },
  }),
  Condition: (subject, mark) => ({
    ...{ subject, code: coded(mark), contained: [person(mark)], asserter: ref('#c') },
  }),
  DiagnosticReport: (subject, mark) => ({ status: 'final', code: coded(mark), subject }),
  Procedure: (subject, mark) => ({ status: 'completed', code: coded(mark), subject }),
  MedicationRequest: (subject, mark) => ({
    ...{ status: 'active', intent: 'order', subject, medicationCodeableConcept: coded(mark) },
  }),
  List: (subject, mark) => ({ status: 'current', mode: 'working', title: mark, subject }),
  Composition: (subject, mark) => ({
    ...{ status: 'final', type: coded('letter'), date: '2026-01-01', title: mark, subject },
    author: [{ display: mark }],
  }),
  CarePlan: (subject, mark) => ({ status: 'active', intent: 'plan', title: mark, subject }),
  ServiceRequest: (subject, mark) => ({
    ...{ status: 'active', intent: 'order', subject, code: coded(mark) },
  }),
  Task: (patient, mark) => ({
    ...{ status: 'requested', intent: 'order', description: mark, for: patient },
  }),
  DocumentReference: (subject, mark) => ({
    ...{ status: 'current', subject, content: [{ attachment: { title: mark } }] },
  }),
  Provenance: (patient, mark) => ({
    ...{ target: [patient], recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: mark } }] },
  }),
  Binary: (patient, mark) => ({
    ...{ contentType: `text/${mark}`, data: btoa(mark) },
    securityContext: contextOf(patient, mark),
  }),
  QuestionnaireResponse: (subject, mark) => ({
    ...{ status: 'completed', subject, item: [{ linkId: '1', text: mark }] },
  }),
  Communication: (subject, mark) => ({
    ...{ status: 'completed', subject, payload: [{ contentString: mark }] },
  }),
  Flag: (subject, mark) => ({ status: 'active', code: coded(mark), subject }),
  Account: (subject, mark) => ({ status: 'active', name: mark, subject: [subject] }),
  AllergyIntolerance: (patient, mark) => ({
    ...{ patient, code: coded(mark) },
    verificationStatus: { coding: [{ system: VERIFICATION, code: 'entered-in-error' }] },
  }),
};

/** Whose a Binary is, its context alone says (R4 Binary.securityContext); many are about records. */
const contextOf = (patient: object, mark: string): object => {
  const { reference } = patient as { reference: string };
  const side = reference.at(-1) as Side;
  const [, n = '0'] = /(\d)x$/.exec(mark) ?? [];
  const type = ['Observation', 'DocumentReference', 'Encounter', 'Account', 'List'][Number(n)];
  return type === undefined ? patient : ref(`${type}/${idOf(side, type, 0)}`);
};

const VERIFICATION =
  'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';

const person = (mark: string) => ({
  ...{ resourceType: 'Practitioner', id: 'c', name: [{ family: mark }] },
});

export const TYPES: readonly string[] = ['Patient', ...Object.keys(MADE)];
const RECORDS = Object.keys(MADE);
/** Of each type each side has so many. */
const EACH = 2;

interface Link {
  type: string;
  element: string;
  targets: readonly string[];
  shape?: (to: object) => unknown;
}

/** Elements that may lead to the other side: none of them files the resource under a patient. */
const LINKS: readonly Link[] = [
  { type: 'Observation', element: 'hasMember', targets: ['Observation'], shape: list },
  { type: 'Observation', element: 'derivedFrom', targets: ['DocumentReference'], shape: list },
  { type: 'Observation', element: 'focus', targets: TYPES, shape: list },
  { type: 'Condition', element: 'evidence', targets: RECORDS, shape: (to) => [{ detail: [to] }] },
  { type: 'Encounter', element: 'partOf', targets: ['Encounter'] },
  { type: 'Encounter', element: 'account', targets: ['Account'], shape: list },
  { type: 'Encounter', element: 'diagnosis', targets: ['Condition'], shape: (to) => [{ condition: to }] },
  { type: 'DiagnosticReport', element: 'result', targets: ['Observation'], shape: list },
  { type: 'Procedure', element: 'report', targets: ['DiagnosticReport'], shape: list },
  { type: 'Procedure', element: 'partOf', targets: ['Procedure'], shape: list },
  { type: 'MedicationRequest', element: 'reasonReference', targets: ['Condition'], shape: list },
  { type: 'List', element: 'entry', targets: TYPES, shape: (to) => [{ item: to }] },
  { type: 'Composition', element: 'section', targets: RECORDS, shape: (to) => [{ title: 's', entry: [to] }] },
  { type: 'CarePlan', element: 'activity', targets: ['Task'], shape: (to) => [{ reference: to }] },
  { type: 'CarePlan', element: 'partOf', targets: ['CarePlan'], shape: list },
  { type: 'ServiceRequest', element: 'supportingInfo', targets: RECORDS, shape: list },
  { type: 'Task', element: 'focus', targets: TYPES },
  { type: 'Task', element: 'partOf', targets: ['Task'], shape: list },
  { type: 'DocumentReference', element: 'context', targets: RECORDS, shape: (to) => ({ related: [to] }) },
  { type: 'QuestionnaireResponse', element: 'partOf', targets: ['Observation'], shape: list },
  { type: 'Communication', element: 'about', targets: TYPES, shape: list },
  { type: 'Communication', element: 'inResponseTo', targets: ['Communication'], shape: list },
];
/** They happen in an encounter, of either side. */
const IN_ENCOUNTER: readonly string[] = [
  ...['Observation', 'Condition', 'DiagnosticReport', 'Procedure', 'MedicationRequest', 'List'],
  ...['Composition', 'ServiceRequest', 'Task', 'Flag', 'QuestionnaireResponse', 'CarePlan'],
];

const nth = fc.nat(EACH - 1);
/** Mostly the other's. */
const sideOf = (side: Side): fc.Arbitrary<Side> =>
  fc.constantFrom(side, ...SIDES.filter((one) => one !== side), ...SIDES);

export const idOf = (side: Side, type: string, n: number): string =>
  type === 'Patient' ? side : `${side}-${type.toLowerCase()}-${n}`;

const nameAmong = (types: readonly string[], side: fc.Arbitrary<Side>): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...types), side, nth).map(([type, of, n]) => `${type}/${idOf(of, type, n)}`);

export interface Resource {
  resourceType: string;
  id: string;
  [name: string]: unknown;
}

const common = (type: string, mark: string) => ({
  meta: { tag: [{ system: 'urn:tag', code: mark, display: mark }] },
  ...(type !== 'Binary' && {
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${mark}</div>` },
  }),
  resourceType: type,
});

let marks = 0;

/** A resource of a side; `n` may be beyond those that are there. */
export function resourceOf(side: Side, type: string, n: number): fc.Arbitrary<Resource> {
  const possible = LINKS.filter((one) => one.type === type);
  const links = possible.map(({ element, targets, shape = (to: object) => to }) =>
    fc.option(
      nameAmong(targets, sideOf(side)).map((name) => ({ [element]: shape(ref(name)) })),
      { freq: 3, nil: {} },
    ),
  );
  const encounter = fc.option(nameAmong(['Encounter'], sideOf(side)), { freq: 3, nil: undefined });
  const targets = fc.array(nameAmong(RECORDS, sideOf(side)), { maxLength: 2 });
  return fc.tuple(fc.tuple(...links), encounter, targets).map(([parts, within, others]) => {
    const mark = `zq${side}${++marks}x`;
    const made = MADE[type]?.(ref(`Patient/${side}`), mark) ?? {};
    const branch = type === 'Encounter' && {
      serviceProvider: ref(`Organization/branch-${side}`),
      location: [{ location: ref(`Location/ward-${side}`) }],
    };
    const where = within !== undefined && IN_ENCOUNTER.includes(type);
    const visit = where && (type === 'DocumentReference' ? {} : { encounter: ref(within) });
    const about = type === 'Provenance' && { target: [ref(`Patient/${side}`), ...others.map(ref)] };
    return Object.assign(
      { ...common(type, mark), id: idOf(side, type, n) },
      ...[made, branch, visit, about, ...parts],
    ) as Resource;
  });
}

/** Without targets of the other side: what is about both is nobody's alone. */
export const ofOneSide = (resource: Resource): Resource => {
  if (resource.resourceType !== 'Provenance') return resource;
  const [patient, ...others] = resource['target'] as { reference: string }[];
  const [, side] = (patient as { reference: string }).reference.split('/');
  const own = others.filter(({ reference }) => reference.includes(`/${side}-`));
  return { ...resource, target: [patient, ...own] };
};

/** What is of neither side. */
export const shared: readonly Resource[] = [
  ...SIDES.flatMap((side) => [
    { resourceType: 'Organization', id: `branch-${side}`, name: `Branch ${side}` },
    { resourceType: 'Practitioner', id: `doctor-${side}`, name: [{ family: `Doctor ${side}` }] },
    { resourceType: 'Location', id: `ward-${side}`, name: `Ward ${side}` },
    {
      ...{ resourceType: 'PractitionerRole', id: `nurse-${side}`, active: true },
      practitioner: ref(`Practitioner/nurse-${side}`),
      location: [ref(`Location/ward-${side}`)],
    },
  ]),
  {
    ...{ resourceType: 'Group', id: 'both', type: 'person', actual: true },
    member: SIDES.map((side) => ({ entity: ref(`Patient/${side}`) })),
  },
];

/** All that a side has. */
export function recordOf(side: Side): fc.Arbitrary<Resource[]> {
  const other = side === 'a' ? 'b' : 'a';
  const mark = `zq${side}${++marks}x`;
  const patient: Resource = {
    ...{ ...common('Patient', mark), id: side, name: [{ family: mark }] },
    identifier: [{ system: 'urn:mrn', value: mark }],
    managingOrganization: ref(`Organization/branch-${side}`),
    generalPractitioner: [ref('Practitioner/doctor-a'), ref('Practitioner/doctor-b')],
    link: [{ other: ref(`Patient/${other}`), type: 'seealso' }],
  };
  const team: Resource = {
    ...{ ...common('CareTeam', mark), id: `${side}-team`, status: 'active', name: mark },
    subject: ref(`Patient/${side}`),
    participant: [{ member: ref(`Practitioner/doctor-${side}`) }],
  };
  const all = RECORDS.flatMap((type) =>
    Array.from({ length: EACH }, (_, n) => resourceOf(side, type, n)),
  );
  return fc.tuple(...all).map((resources) => [patient, team, ...resources]);
}

/** A reference parameter of a type, with the types that it leads to in these records. */
export function referencesOf(type: string): { code: string; targets: string[] }[] {
  const links = [
    ...LINKS.filter((one) => one.type === type),
    ...['subject', 'patient', 'for'].map((element) => ({ element, targets: ['Patient'] })),
    { element: 'encounter', targets: ['Encounter'] },
    { element: 'target', targets: RECORDS },
    { element: 'securityContext', targets: RECORDS },
  ];
  return [...definitions.searchParams(type).values()].flatMap((def) => {
    const { code, type: kind, targets, expression } = def;
    const link = links.find(({ element }) => expression.includes(`${type}.${element}`));
    if (kind !== 'reference' || !link) return [];
    const possible = link.targets.filter((one) => !targets || targets.includes(one));
    return possible.length > 0 ? [{ code, targets: possible }] : [];
  });
}

export const anyName = nameAmong(TYPES, fc.constantFrom(...SIDES));
export const anySide = fc.constantFrom(...SIDES);
export const anyN = nth;
