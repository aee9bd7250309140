import type { AuditRow } from '../../server/audit/audit.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import { callJson, type Told } from './admin.ts';
import { newClient, newSession, newUser, type TestAuth } from './auth.ts';
import type { Secured } from './secured.ts';

/** A hospital with a doctor who has one patient in care, and others whom only an emergency opens. */

const ref = (reference: string) => ({ reference });
const code = (text: string) => ({ coding: [{ code: text }], text });

const patient = (id: string, branch: string, more: object = {}) => ({
  ...{ resourceType: 'Patient', id, name: [{ text: `Name of ${id}` }], birthDate: '1980-04-05' },
  ...{ identifier: [{ system: 'urn:mrn', value: `MRN-${id}` }] },
  ...{ managingOrganization: ref(`Organization/${branch}`), ...more },
});
const observation = (id: string, of: string) => ({
  ...{ resourceType: 'Observation', id, status: 'final', code: code(`Value ${id}`) },
  subject: ref(`Patient/${of}`),
});

export const hospital: readonly object[] = [
  ...['main', 'other'].map((id) => ({ resourceType: 'Organization', id, name: id })),
  { resourceType: 'Practitioner', id: 'ada', name: [{ text: 'Ada' }] },
  patient('mine', 'main'),
  {
    ...{ resourceType: 'CareTeam', id: 'ct', status: 'active', subject: ref('Patient/mine') },
    participant: [{ member: ref('Practitioner/ada') }],
  },
  patient('p1', 'other'),
  patient('p2', 'other'),
  patient('twin', 'other', { identifier: [{ system: 'urn:mrn', value: 'MRN-p2' }] }),
  patient('merged', 'other', { link: [{ type: 'replaced-by', other: ref('Patient/p1') }] }),
  observation('o-mine', 'mine'),
  observation('o-p1', 'p1'),
  observation('o-p2', 'p2'),
  {
    resourceType: 'Encounter',
    id: 'e-p1',
    status: 'finished',
    class: { code: 'AMB' },
    subject: ref('Patient/p1'),
    type: [{ text: 'Visit of p1' }],
  },
];

export const REASON = 'Found unconscious in the corridor';

/** Users and clients: `ada` may break the glass, `nina` and the patient `pat` may not. */
export async function staff(service: TestAuth): Promise<void> {
  const scopes =
    'openid fhirUser launch launch/patient launch/encounter offline_access patient/*.cruds user/*.cruds';
  await newClient(service, { id: 'ward', name: 'Ward list', scopes, settings: { trusted: true } });
  await newClient(service, { id: 'beds', scopes, settings: { trusted: true } });
  await newClient(service, { id: 'app', name: 'Chart', scopes });
  await newUser(service, { id: 'ada', name: 'Ada', roles: ['Clinician'], branches: ['main'] });
  await newUser(service, { id: 'nina', roles: ['Nurse'], branches: ['main'] });
  await newUser(service, { id: 'pat', roles: ['Patient'], fhirUser: 'Patient/mine' });
  await newUser(service, { id: 'root', name: 'Root', roles: ['Admin', 'Clinician'] });
  await newUser(service, { id: 'olga', name: 'Olga', roles: ['Auditor'] });
}

export interface Wanted {
  user?: string;
  client?: string;
  scope?: string;
  session?: string | undefined;
  patient?: string;
}

/** An access token of a user, who signed in just now. */
export async function userToken(service: TestAuth, wanted: Wanted = {}): Promise<string> {
  const { user = 'ada', client = 'ward', scope = 'user/*.cruds', patient: id } = wanted;
  const sessionId = 'session' in wanted ? wanted.session : await newSession(service, user);
  const grant = await createGrant(service, {
    ...{ clientId: client, userId: user, sessionId, scope, offline: false },
    context: id === undefined ? {} : { patient: id },
  });
  return (await issueTokens(service, grant, { scope, lifetime: 3600 })).access;
}

/** POST /auth/break-glass as JSON. */
export const breakGlass = (
  { service }: Pick<Secured, 'service'>,
  token: string | undefined,
  body: object = {},
): Promise<Told> =>
  callJson(`${service.config.origin}/auth/break-glass`, {
    ...{ method: 'POST', body: { patient: 'Patient/p1', reason: REASON, ...body } },
    ...(token !== undefined && { token }),
  });

/** All that the journal holds of one kind. */
export async function noted({ store }: Secured, kind: AuditRow['kind']): Promise<AuditRow[]> {
  await store.audit?.flush();
  const rows = await store.audit?.scan({ descending: false, limit: 10_000, kinds: [kind] });
  return (rows ?? []).filter((row) => row.kind === kind);
}
