import { describe, expect, it } from 'vitest';
import { patientReach, patientSubjects, SHARED } from '../../server/auth/access-patient.ts';
import { createExtractor } from '../../server/fhir/extract.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { fitsContent, type Looks } from '../../server/store/access-fits.ts';
import { definitions, options } from '../helpers/term.ts';

const reach = (type: string) => patientReach(type, 'p1', options);
const compartment = definitions.compartments.get('Patient')?.resources ?? {};

const extractor = createExtractor(definitions);
const looks = { context: { extractor }, run: () => Promise.reject() } as unknown as Looks;

/** Whether the index of the resource says that it is within reach. */
const fits = (type: string, resource: Resource) =>
  fitsContent(looks, resource, { kind: 'all', terms: reach(type)?.where ?? [] });

/** A resource that refers to patients by the element of a parameter, and holds nothing else. */
function referring(type: string, code: string, patients: readonly string[]): Resource {
  const { expression = '' } = definitions.searchParams(type).get(code) ?? {};
  const [first = ''] = expression.split(' | ');
  const path = first.replace(/\.(where|ofType)\(.*$/, '').split('.');
  const values = patients.map((id) => ({ reference: `Patient/${id}` }));
  return { resourceType: type, ...placed(type, path.slice(1), values) } as Resource;
}

function placed(type: string, [name = '', ...rest]: string[], values: readonly object[]): object {
  const element = definitions.types.get(type)?.elements.find((one) => one.name === name);
  const inner = values.map((value) =>
    rest.length === 0 ? value : placed(element?.types[0] ?? '', rest, [value]),
  );
  const many = element?.max !== 1;
  return { [element?.choice ? `${name}Reference` : name]: many ? inner : inner[0] };
}

describe('patientReach()', () => {
  it('is the Patient by its id alone, not by who links to it', () => {
    expect(reach('Patient')?.where).toEqual([{ kind: 'id', ids: ['p1'] }]);
  });

  it.each([
    ['Observation', ['Observation.subject', 'Observation.performer']],
    ['Appointment', ['Appointment.actor']],
    ['Coverage', ['Coverage.policy-holder', 'Coverage.subscriber', 'Coverage.beneficiary']],
    ['Group', ['Group.member']],
  ])('of %s is by every parameter of the compartment: %j', (type, keys) => {
    const text = JSON.stringify(reach(type)?.where);
    for (const key of keys) expect(text).toMatch(new RegExp(`${key}"|"patient":true`));
    expect(text).toContain('Patient/p1');
  });

  it('looks only at what is indexed', () => {
    for (const [type, codes] of Object.entries(compartment)) {
      for (const code of codes) {
        const def = definitions.searchParams(type).get(code);
        expect(def, `${type}.${code}`).toMatchObject({ type: 'reference' });
        expect(def?.keys, `${type}.${code}`).toBeUndefined();
      }
    }
  });

  it.each(['Device', 'Task', 'GuidanceResponse'])('of %s is by its patient', (type) => {
    expect(JSON.stringify(reach(type)?.where)).toContain(`${type}.patient`);
  });

  const ways = Object.entries(compartment).flatMap(([type, codes]) =>
    codes.filter((code) => code !== '{def}').map((code): [string, string] => [type, code]),
  );

  it.each(ways.filter(([type]) => type !== 'Patient' && type !== 'Provenance'))(
    'of %s is by %s as it is indexed, at whatever place',
    async (type, code) => {
      const of = async (...patients: string[]) => fits(type, referring(type, code, patients));
      expect([await of('p1'), await of('p2')]).toEqual([true, false]);
      expect(await of('p1/_history/2')).toBe(true);
      if (definitions.searchParams(type).get(code)?.many) {
        expect(await of('p2', 'p1')).toBe(true);
        expect(await of('p2', 'p3')).toBe(false);
      }
    },
  );

  it('is to read where a type is shared', () => {
    for (const type of SHARED) {
      expect(definitions.resourceTypes, type).toContain(type);
      expect(Object.keys(compartment), type).not.toContain(type);
      const { ops, where } = reach(type) ?? {};
      expect([[...(ops ?? [])], where], type).toEqual([['r', 's'], []]);
    }
  });

  it.each([
    'Binary',
    'Provenance',
    'Bundle',
    'Contract',
    'Linkage',
    'MessageHeader',
    'Slot',
    'Subscription',
  ])('of %s is nothing', (type) => expect(reach(type)).toBeUndefined());

  it('has subjects for what is about others: all of the patient’s, nothing shared', () => {
    const subjects = patientSubjects('p1', options);
    const types = [...subjects.keys()];
    expect(types).toEqual(expect.arrayContaining(['Patient', 'Observation', 'Account', 'Task']));
    expect(types.filter((type) => SHARED.has(type) || !reach(type))).toEqual([]);
    expect(types).not.toContain('Binary');
    for (const [type, where] of subjects) expect(where, type).toEqual(reach(type)?.where);
  });

  it('is bound to the patient for every type that is not shared', () => {
    for (const type of definitions.resourceTypes.filter((one) => !SHARED.has(one))) {
      const found = reach(type);
      if (found) expect(JSON.stringify(found.where), type).toMatch(/p1"/);
    }
  });
});
