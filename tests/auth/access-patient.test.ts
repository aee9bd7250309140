import { describe, expect, it } from 'vitest';
import { patientReach, SHARED } from '../../server/auth/access-patient.ts';
import { definitions, options } from '../helpers/term.ts';

const reach = (type: string) => patientReach(type, 'p1', options);
const compartment = definitions.compartments.get('Patient')?.resources ?? {};

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

  it('is to read where a type is shared', () => {
    for (const type of SHARED) {
      expect(definitions.resourceTypes, type).toContain(type);
      expect(Object.keys(compartment), type).not.toContain(type);
      const { ops, where } = reach(type) ?? {};
      expect([[...(ops ?? [])], where], type).toEqual([['r', 's'], []]);
    }
  });

  it.each(['Binary', 'Bundle', 'Contract', 'Linkage', 'MessageHeader', 'Slot', 'Subscription'])(
    'of %s is nothing',
    (type) => expect(reach(type)).toBeUndefined(),
  );

  it('is bound to the patient for every type that is not shared', () => {
    for (const type of definitions.resourceTypes.filter((one) => !SHARED.has(one))) {
      const found = reach(type);
      if (found) expect(JSON.stringify(found.where), type).toMatch(/p1"/);
    }
  });
});
