import type { Access, Actor, Rule } from '../../server/store/store.ts';
import { queryOf } from '../helpers/store.ts';

/** Patients and their visits, and actors to whom some of their elements are hidden or read-only. */

/** Stands in hidden elements only, and in what may repeat them. */
export const SECRET = 'zsecret';
export const ref = (reference: string) => ({ reference });
export const telecom = [{ system: 'phone', value: '1' }];
export const patient = (id: string, more: object = {}) => ({
  ...{ resourceType: 'Patient', id, active: true, birthDate: '1970-01-01' },
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${SECRET}</div>` },
  contained: [{ resourceType: 'Organization', id: 'o', name: SECRET }],
  ...{ managingOrganization: ref('#o'), name: [{ family: SECRET }], gender: 'female' },
  contact: [
    { name: { family: SECRET }, gender: 'male' },
    { gender: 'other', telecom },
  ],
  deceasedDateTime: '2026-01-09',
  ...more,
});
export const reason = [{ text: SECRET }];
export const encounter = (id: string, status: string) => ({
  ...{ resourceType: 'Encounter', id, status, class: { code: 'AMB' } },
  ...{ subject: ref('Patient/p1'), serviceProvider: ref('Organization/a') },
  ...{ reasonCode: reason, reasonReference: [ref('Condition/c1')] },
});

export const resources = [
  ...[
    { resourceType: 'Organization', id: 'a', name: 'A' },
    { resourceType: 'Organization', id: 'b', name: 'B' },
  ],
  patient('p1'),
  patient('p2', { name: [{ family: 'Other' }], birthDate: '1980-01-01' }),
  { resourceType: 'Condition', id: 'c1', subject: ref('Patient/p1'), code: { text: SECRET } },
  encounter('e1', 'planned'),
  encounter('e2', 'finished'),
  {
    ...{ resourceType: 'SupplyDelivery', id: 's1', status: 'in-progress' },
    ...{ patient: ref('Patient/p1'), supplier: ref('Organization/a') },
  },
];

interface Extra {
  hidden?: string[];
  readOnly?: string[];
}

/** Rules as `Type.letters?criteria` with what they hide and lock. */
export function actorWith(...rules: (string | [string, Extra])[]): Actor {
  const parsed = rules.map((one) => {
    const [text, extra] = typeof one === 'string' ? [one, {}] : one;
    const [, type = '', ops = '', criteria] = /^(\w+)\.(\w+)(?:\?(.*))?$/.exec(text) ?? [];
    const where = criteria === undefined ? [] : queryOf(`${type}?${criteria}`).where;
    const rule: Rule = { interactions: new Set([...ops] as never[]), where, ...extra };
    return { type, rule };
  });
  const access: Access = {
    ...{ key: JSON.stringify(rules), admin: false },
    rules: (type) => parsed.filter((one) => one.type === type).map(({ rule }) => rule),
  };
  return { kind: 'user', name: 'limited', access };
}

const nameless: [string, Extra] = [
  'Patient.crus',
  { hidden: ['Patient.name', 'contact.name', 'deceased', 'birthDate'] },
];
export const others = ['Organization.rs', 'Encounter.rs', 'Condition.rs', 'SupplyDelivery.rs'];
export const clerk = actorWith(nameless, ...others);
/** The reason is told of encounters that are over. */
export const mixed = actorWith(
  ['Encounter.rus', { hidden: ['reasonCode', 'reasonReference'] }],
  'Encounter.rus?status=finished',
  ...['Patient.rs', 'Condition.rs'],
);
export const keeper = actorWith(['SupplyDelivery.rus', { hidden: ['patient'] }], 'Patient.rs');
export const beds = actorWith(
  ['Encounter.rus?status=planned', { readOnly: ['subject', 'participant.individual'] }],
  'Encounter.rus?status=finished',
  ...['Patient.rs', 'Practitioner.rs', 'Organization.rs', 'Condition.rs'],
);
