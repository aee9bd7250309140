import type { AuditRow } from '../audit/audit.ts';
import type { JsonObject } from '../fhir/types.ts';
import { present, said } from './audit-event-agents.ts';
import { coding, X_REQUEST_ID } from './audit-event-codes.ts';

/** AuditEvent.entity: what was reached, whose it was, what was asked, and the rest (IHE BALP). */

const ENTITY = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';

const PERSON = coding(ENTITY, '1', 'Person');
const OBJECT = coding(ENTITY, '2', 'System Object');
const OTHER = coding(ENTITY, '4', 'Other');
const PATIENT = coding(ROLE, '1', 'Patient');
const RESOURCE = coding(ROLE, '4', 'Domain Resource');
const QUERY = coding(ROLE, '24', 'Query');

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** In the order of BALP's examples. */
export function entitiesOf(row: AuditRow): JsonObject[] {
  const data = dataOf(row);
  return [
    ...patientsOf(row).map(patientEntity),
    ...data,
    ...queryOf(row, data.length > 0 ? OTHER : OBJECT),
    ...requestOf(row),
    ...detailOf(row),
  ];
}

/**
 * `Patient/id` of the patients; undefined in place of one who cannot be named. The row of a patient's
 * own resource names it.
 */
export function patientsOf({ about, patients }: AuditRow): (string | undefined)[] {
  const [only] = patients;
  const own = about?.type === 'Patient' && about.id !== undefined && ID.test(about.id);
  if (own && patients.length === 1 && only === undefined) return [`Patient/${about.id}`];
  return [...patients];
}

const patientEntity = (reference: string | undefined): JsonObject => ({
  what: reference === undefined ? { display: 'a patient who is not stored here' } : { reference },
  type: PERSON,
  role: PATIENT,
});

/** What it was done to; of a search the query says it. */
function dataOf({ kind, about, detail }: AuditRow): JsonObject[] {
  if (!about) return [];
  const { type, id, version } = about;
  if (id === undefined && (kind === 'search' || detail?.query !== undefined)) return [];
  const what =
    id !== undefined && ID.test(id)
      ? { reference: `${type}/${id}${version === undefined ? '' : `/_history/${version}`}` }
      : { type, display: said(id === undefined ? type : `${type}/${id}`) as string };
  return [{ what, type: OBJECT, role: RESOURCE }];
}

/** BALP: the request in base64, so that whatever was sent is kept as it was; and to be read. */
function queryOf({ detail }: AuditRow, type: JsonObject): JsonObject[] {
  const query = detail?.query;
  if (query === undefined || query === '') return [];
  const base64 = Buffer.from(query).toString('base64');
  return [present({ type, role: QUERY, description: said(query), query: base64 })];
}

function requestOf({ request }: AuditRow): JsonObject[] {
  const value = said(request);
  return value === undefined ? [] : [{ what: { identifier: { value } }, type: X_REQUEST_ID }];
}

function detailOf({ detail }: AuditRow): JsonObject[] {
  const { status, count, pairs = [] } = detail ?? {};
  const list: [string, string][] = [
    ...(status === undefined ? [] : [['status', String(status)] as [string, string]]),
    ...(count === undefined ? [] : [['count', String(count)] as [string, string]]),
    ...pairs.map(([name, value]): [string, string] => [name, value]),
  ];
  const parts = list.flatMap(([name, value]) => {
    const type = said(name);
    return type === undefined ? [] : [{ type, valueString: said(value) ?? '""' }];
  });
  return parts.length === 0 ? [] : [{ type: OTHER, detail: parts }];
}
