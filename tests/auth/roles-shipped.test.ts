import { describe, expect, it } from 'vitest';
import { policyOutcomes } from '../../server/auth/access-policy.ts';
import { readRole } from '../../server/auth/role-fields.ts';
import { isFor, type Role } from '../../server/auth/roles.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { definitions, options } from '../helpers/term.ts';

const named = new Map(SHIPPED.map((role) => [role.name, { ...role, shipped: true }]));
const role = (name: string): Role => {
  const found = named.get(name);
  if (!found) throw new Error(`no role ${name}`);
  return found;
};

/** Letters that a role gives on a type somehow. */
const letters = (name: string, type: string): string => {
  const rules = role(name).rules.filter((rule) => isFor(rule, type) && !rule.purpose);
  return [...'cruds'].filter((op) => rules.some((one) => one.interactions.includes(op))).join('');
};

describe('the shipped roles', () => {
  it.each(SHIPPED.map(({ name }) => name))('%s is a role that could be written', (name) => {
    const { shipped: _, ...body } = role(name);
    expect(readRole(definitions, name, body as unknown as JsonObject)).not.toHaveProperty(
      'problems',
    );
  });

  it('give nothing of patients to somebody of whom nothing is known', () => {
    const variables = {
      user: [],
      patient: [],
      own: [],
      branch: [],
      ward: [],
      today: ['2020-01-01'],
    };
    const clinical = [
      'Patient',
      'Observation',
      'Encounter',
      'MedicationRequest',
      'Coverage',
      'Claim',
    ];
    for (const { name } of SHIPPED.filter((one) => one.name !== 'Superuser')) {
      for (const type of clinical) {
        const outcomes = policyOutcomes([role(name)], type, {
          ...options,
          variables,
          purpose: 'BTG',
        });
        expect(
          outcomes.filter(({ branch }) => branch),
          `${name} ${type}`,
        ).toEqual([]);
      }
    }
  });

  it.each([
    ['Clinician', 'Observation', 'crus'],
    ['Clinician', 'MedicationRequest', 'crus'],
    ['Clinician', 'Encounter', 'rus'],
    ['Clinician', 'CareTeam', 'rs'],
    ['Clinician', 'AuditEvent', ''],
    ['Clinician', 'Account', 'rs'],
    ['Nurse', 'MedicationRequest', 'rs'],
    ['Nurse', 'MedicationAdministration', 'crus'],
    ['Nurse', 'Observation', 'crus'],
    ['FrontDesk', 'Patient', 'crus'],
    ['FrontDesk', 'Observation', ''],
    ['FrontDesk', 'Condition', ''],
    ['FrontDesk', 'DocumentReference', ''],
    ['FrontDesk', 'Composition', ''],
    ['BedManager', 'Location', 'rus'],
    ['Housekeeping', 'Patient', ''],
    ['Housekeeping', 'Encounter', ''],
    ['LabTechnician', 'MedicationRequest', ''],
    ['LabTechnician', 'Specimen', 'crus'],
    ['Pharmacist', 'MedicationDispense', 'crus'],
    ['Pharmacist', 'Condition', ''],
    ['StoreKeeper', 'Patient', ''],
    ['StoreKeeper', 'MedicationDispense', ''],
    ['BillingClerk', 'Observation', ''],
    ['BillingClerk', 'Claim', 'crus'],
    ['Cashier', 'Condition', ''],
    ['Admin', 'Patient', ''],
    ['Admin', 'Observation', ''],
    ['Admin', 'AuditEvent', ''],
    ['Admin', 'Organization', 'cruds'],
    ['Auditor', 'AuditEvent', 'rs'],
    ['Auditor', 'Patient', ''],
    ['Insurer', 'Claim', 'rs'],
    ['Insurer', 'Patient', ''],
    ['LabInstrument', 'Task', 'r'],
    ['LabInstrument', 'Observation', 'c'],
    ['Patient', 'Observation', 'rs'],
    ['Patient', 'Appointment', 'crus'],
    ['Patient', 'QuestionnaireResponse', 'crs'],
    ['Patient', 'ExplanationOfBenefit', 'rs'],
    ['Superuser', 'AuditEvent', ''],
  ])('%s may on %s: %j', (name, type, expected) => {
    expect(letters(name, type)).toBe(expected);
  });

  it('leave no way to enter by one’s own hand what gives access to a record', () => {
    for (const name of ['Clinician', 'Nurse', 'LabTechnician', 'Pathologist', 'Pharmacist']) {
      for (const type of ['CareTeam', 'Appointment', 'PractitionerRole', 'Location']) {
        expect(letters(name, type).replaceAll(/[rs]/g, ''), `${name} ${type}`).toBe('');
      }
    }
  });
});
