import type { MainColumns } from '../server/fhir/definitions.ts';
import type { SearchRow } from '../server/fhir/load-definitions.ts';

/** The dates by which people look for a record, the most telling first. */
const DATES = [
  'date',
  'authoredon',
  'authored',
  'authored-on',
  'created',
  'birthdate',
  'recorded-date',
  'onset-date',
  'recorded',
  'started',
  'sent',
  'effective-time',
  'occurrence',
  'whenhandedover',
  'whenprepared',
  'collected',
  'issued',
  'period',
  'effective',
  'start-date',
];

/** R4's own compartment parameter first; the others stand in for types that have none. */
const PATIENTS = [
  ...['patient', 'subject', 'beneficiary', 'individual', 'member', 'security-context'],
];

/**
 * The patient and the date a type is filed under, out of its own singular search parameters. Absent
 * where no singular path leads to one, as in Account, whose subjects repeat.
 *
 * @param rows the parameters of that type alone
 */
export function mainColumns(type: string, rows: readonly SearchRow[]): MainColumns {
  const main: MainColumns = {};
  const singular = rows.filter((row) => !row.many && !row.keys);
  const patients = singular.filter(
    (row) => row.type === 'reference' && (row.targets?.includes('Patient') ?? true),
  );
  const patient = type === 'Patient' ? 'Patient' : preferred(PATIENTS, patients)?.code;
  if (patient) main.patient = patient;
  const dates = singular.filter((row) => row.type === 'date');
  const date = (preferred(DATES, dates) ?? dates[0])?.code;
  if (date) main.date = date;
  return main;
}

function preferred(order: readonly string[], rows: readonly SearchRow[]): SearchRow | undefined {
  return order.flatMap((code) => rows.filter((row) => row.code === code))[0];
}
