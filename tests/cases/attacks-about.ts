import { type READS, replace, patch, type WRITES, type Write } from './attacks.ts';
import { binary } from './two-patients.ts';

/** Attacks on what is somebody's by what it is about: Binary (32) and Provenance (6). */

const OWN = ['b1', 'b1-doc', 'b1-lab', 'b1-place', 'b1-vital'].join(' ');

export const ABOUT_READS: typeof READS = [
  ...['b2', 'b2-lab', 'b2-gone', 'b2-never', 'b0', 'none'].flatMap((id): typeof READS => [
    [32, 'app', `Binary/${id}`, '404'],
    [32, 'portal', `Binary/${id}`, '404'],
    [32, 'doctor', `Binary/${id}`, '404'],
    [32, 'app', `Binary/${id}/_history`, '404'],
    [32, 'app', `Binary/${id}/_history/1`, '404'],
  ]),
  ...OWN.split(' ').flatMap((id): typeof READS => [
    [32, 'app', `Binary/${id}`, '200'],
    [32, 'portal', `Binary/${id}`, '200'],
    [32, 'doctor', `Binary/${id}`, '200'],
  ]),
  [32, 'desk', 'Binary/b1', '403'],
  [32, 'system', 'Binary/b1', '403'],
  [32, 'lab', 'Binary/b1', '403'],
  [32, 'unlaunched', 'Binary/b1', '403'],
  // Of the patient, but about what the scopes leave out.
  [32, 'files', 'Binary/b1-vital', '404'],
  [32, 'files', 'Binary/b1-place', '404'],
  [32, 'files', 'Binary', '200 b1 b1-doc b1-lab moved-file'],
  // What a system may not see it may not see as a file; what is about nothing is the archive's.
  [32, 'archive', 'Binary', '200 b0 b1 b1-lab b1-vital b2 b2-lab moved-file'],
  [32, 'root', 'Binary?_summary=count', '200 total=11'],
  [32, 'app', 'Binary?_total=accurate', `200 total=6 ${OWN} moved-file`],
  [32, 'portal', 'Binary', `200 ${OWN} moved-file`],
  [32, 'doctor', 'Binary', `200 ${OWN} moved-file`],
  [32, 'app', 'Binary?security-context=Patient/p2', '200'],
  [32, 'app', 'Binary?security-context=Observation/o2-lab', '200'],
  [32, 'app', 'Binary?security-context:Patient.name=zsecret', '200'],
  [32, 'app', 'List?item:Binary._id=b2', '200'],
  [32, 'app', 'List?item:Binary._id=b1', '200 files'],
  [32, 'app', 'Patient?_has:Binary:security-context:_id=b2', '200'],
  [32, 'app', 'List?_id=files&_include=List:item', `200 ${OWN} files`],
  [32, 'app', 'List?_id=files&_include=List:item:Binary', `200 ${OWN} files`],
  [32, 'app', 'Observation?_id=o1-vital&_revinclude=Binary:security-context', '200 b1-vital o1-vital'],
  // An attachment opens nothing by itself.
  [32, 'app', 'DocumentReference/d1', '200'],
  [32, 'app', 'Binary/moved-file/_history', '200 moved-file'],
  [32, 'app', 'Binary/moved-file/_history/1', '404'],
  [32, 'app', 'Binary/moved-file/_history/2', '200'],
  [6, 'app', 'Provenance', '200 v1 v1-vital'],
  [6, 'tracks', 'Provenance?_total=accurate', '200 total=2 v1 v1-vital'],
  [6, 'portal', 'Provenance', '200 v1 v1-vital'],
  [6, 'doctor', 'Provenance', '200 v1 v1-vital'],
  [6, 'desk', 'Provenance', '403'],
  [6, 'root', 'Provenance?_summary=count', '200 total=7'],
  [6, 'app', 'Provenance/v2', '404'],
  [6, 'doctor', 'Provenance/v2', '404'],
  [6, 'app', 'Provenance/v1-vital', '200'],
  [6, 'app', 'Provenance?target=Observation/o1-lab', '200 v1'],
  [6, 'app', 'Provenance?target=Observation/o2-lab', '200'],
  [6, 'doctor', 'Observation?_id=o1-vital&_revinclude=Provenance:target', '200 o1-vital v1-vital'],
];

const at = (context?: string) => {
  const { id: _, ...rest } = binary('b1', context);
  return rest;
};
const file = (context?: string): Write => ({ method: 'POST', url: 'Binary', body: at(context) as never });
const put = (id: string, context?: string): Write =>
  replace(`Binary/${id}`, { ...at(context), id });
const raw = (method: string, url: string, headers = {}): Write => ({
  ...{ method, url, body: 'x', headers: { 'Content-Type': 'text/plain', ...headers } },
});
const context = (value: string): string =>
  JSON.stringify([{ op: 'replace', path: '/securityContext/reference', value }]);

export const ABOUT_WRITES: typeof WRITES = [
  ...(['app', 'doctor'] as const).flatMap((who): typeof WRITES => [
    [32, who, 'stores a file about P2', '403', file('Patient/p2')],
    [32, who, 'stores a file about something of P2', '403', file('Observation/o2-lab')],
    [32, who, 'stores a file about nothing', '403', file()],
    [32, who, 'stores a file about what is not there', '403', file('Observation/never')],
    [32, who, 'stores bytes about P2', '403', raw('POST', 'Binary', { 'X-Security-Context': 'Patient/p2' })],
    [32, who, 'stores bytes about nothing', '403', raw('POST', 'Binary')],
    [32, who, 'gives its own away', '403', put('b1', 'Patient/p2')],
    [32, who, 'gives its own away by a patch', '403', patch('Binary/b1', context('Patient/p2'))],
    [32, who, 'takes what it is about off', '403', put('b1')],
    [32, who, 'takes it off with its bytes', '403', raw('PUT', 'Binary/b1')],
    [32, who, 'takes another’s over', '404', put('b2', 'Patient/p1')],
    [32, who, 'takes another’s over by a patch', '404', patch('Binary/b2', context('Patient/p1'))],
    [32, who, 'overwrites another’s bytes', '404', raw('PUT', 'Binary/b2')],
    [32, who, 'stores a file about its own', '201', file('Observation/o1-lab')],
    [32, who, 'stores bytes about its own', '201', raw('POST', 'Binary', { 'X-Security-Context': 'Patient/p1' })],
    [32, who, 'moves its own within its own', '200', put('b1', 'Encounter/e1')],
    [32, who, 'moves its own back', '200', put('b1', 'Patient/p1')],
  ]),
  [32, 'app', 'deletes another’s', '204', { method: 'DELETE', url: 'Binary/b2' }],
  [32, 'doctor', 'deletes its own', '403', { method: 'DELETE', url: 'Binary/b1' }],
  [32, 'files', 'stores a file about what its scopes leave out', '403', file('Observation/o1-vital')],
  [32, 'files', 'stores a file about what they do not', '201', file('Observation/o1-lab')],
  [32, 'archive', 'stores a file about what its scopes leave out', '403', file('DocumentReference/d1')],
  [32, 'archive', 'stores a file about nothing', '201', file()],
  [32, 'portal', 'stores a file', '403', file('Patient/p1')],
  [6, 'app', 'says where something of P2 came from', '403', said('Observation/o2-lab')],
  [6, 'app', 'and something of both', '403', said('Observation/o1-lab', 'Observation/o2-lab')],
  [6, 'app', 'and something that is not there', '403', said('Observation/o1-lab', 'Observation/o9')],
  [6, 'app', 'says where its own came from', '201', said('Observation/o1-lab', 'Practitioner/doc')],
  [6, 'doctor', 'says where something came from', '403', said('Observation/o1-lab')],
];

function said(...targets: string[]): Write {
  const body = {
    ...{ resourceType: 'Provenance', recorded: '2026-01-01T00:00:00Z' },
    ...{ target: targets.map((reference) => ({ reference })), agent: [{ who: { display: 'x' } }] },
  };
  return { method: 'POST', url: 'Provenance', body: body as never };
}
