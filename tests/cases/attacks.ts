import type { Ask } from '../helpers/http.ts';
import type { Bearer } from '../helpers/secured.ts';
import { observation, ref, SECRET } from './two-patients.ts';

/** The attacks of the facts of access control (3.4) that are single requests, by their numbers. */

const FILES = 'patient/Binary.crus patient/DocumentReference.rs';
const LAB = 'patient/Observation.rs?category=laboratory patient/Patient.r';
const north = { branches: ['north'], fhirUser: 'Practitioner/doc' };
/** `app` is bound by its scopes alone, the others by their roles too. */
export const BEARERS = {
  app: { roles: ['Superuser'], scope: 'patient/*.cruds', patient: 'p1' },
  writer: { roles: ['Superuser'], scope: 'patient/Observation.cu', patient: 'p1' },
  reader: { roles: ['Superuser'], scope: 'patient/*.r', patient: 'p1' },
  lab: { roles: ['Superuser'], scope: LAB, patient: 'p1' },
  files: { roles: ['Superuser'], scope: `${FILES} ${LAB}`, patient: 'p1' },
  tracks: { roles: ['Superuser'], scope: 'patient/Provenance.rs', patient: 'p1' },
  archive: { scope: 'system/Binary.crus system/Observation.rs' },
  root: { roles: ['Superuser'], scope: 'user/*.cruds' },
  portal: { roles: ['Patient'], fhirUser: 'Patient/p1', scope: 'patient/*.rs', patient: 'p1' },
  doctor: { roles: ['Clinician'], ...north, scope: 'user/*.cruds' },
  desk: { roles: ['FrontDesk'], ...north, scope: 'user/*.cruds' },
  system: { scope: 'system/Organization.rs system/Observation.cu' },
  unlaunched: { roles: ['Superuser'], scope: 'patient/*.cruds' },
} satisfies Record<string, Bearer>;
export type Who = keyof typeof BEARERS;

/** Number, who, what is asked for, and the answer: its status, and of a Bundle what it holds. */
export const READS: readonly [number, Who, string, string][] = [
    [1, 'app', 'Patient/p2', '404'],
    [1, 'app', 'Observation/o2-lab', '404'],
    [1, 'portal', 'Observation/o2-lab', '404'],
    [1, 'doctor', 'Patient/p2', '404'],
    [1, 'doctor', 'Observation/o2-lab', '404'],
    [1, 'unlaunched', 'Patient/p1', '403'],
    [2, 'app', 'Observation?patient=Patient/p2&_total=accurate', '200 total=0'],
    [2, 'app', 'Observation?subject=Patient/p2', '200'],
    [2, 'portal', 'Observation?subject=Patient/p2', '200'],
    [2, 'doctor', 'Observation?subject=Patient/p2&_total=accurate', '200 total=0'],
    [2, 'app', 'Patient/p2/Observation', '200'],
    // The group of both is P1's too.
    [2, 'app', 'Patient/p2/*', '200 both'],
    [3, 'app', 'Observation?_total=accurate', '200 total=4 moved o1-lab o1-vital relabelled'],
    [3, 'portal', 'Observation?_summary=count', '200 total=4'],
    [3, 'doctor', 'Observation?_total=estimate', '200 total=4 moved o1-lab o1-vital relabelled'],
    [4, 'app', 'Observation?_id=o1-lab,o2-lab', '200 o1-lab'],
    [5, 'app', 'Encounter?_id=e1&_include=Encounter:part-of', '200 e1'],
    [5, 'app', 'Encounter?_id=e1&_include=Encounter:account', '200 e1'],
    [5, 'app', 'Encounter?_id=e1&_include=*', '200 e1 north p1'],
    [5, 'app', 'List?_id=shared&_include=List:item', '200 o1-lab shared'],
    [5, 'app', 'Group?_include=Group:member', '200 both p1'],
    [5, 'doctor', 'Encounter?_id=e1&_include=*', '200 e1 north p1'],
    [6, 'app', 'Observation?_id=o1-lab&_revinclude=Provenance:target', '200 o1-lab v1'],
    [6, 'app', 'Observation?_id=o1-lab&_revinclude=*', '200 b1-lab o1-lab shared v1'],
    [6, 'lab', 'Observation?_id=o1-lab&_revinclude=*', '200 o1-lab'],
    [
      ...([7, 'app'] as const),
      'Patient?_include=Patient:general-practitioner&_revinclude:iterate=Patient:general-practitioner',
      '200 doc p1',
    ],
    [
      7,
      'doctor',
      'Practitioner?_id=doc&_revinclude:iterate=*',
      '200 b1 b1-doc b1-lab b1-vital c1 d1 doc e1 e3 files letter moved moved-file o1-lab ' +
        'o1-vital p1 relabelled shared t1 v1 v1-vital',
    ],
    [8, 'desk', `Patient?_has:Observation:patient:code=${SECRET}`, '403'],
    [8, 'desk', 'Patient?_has:Observation:patient:code=nothing', '403'],
    [8, 'desk', 'Patient?_has:Observation:patient:_id=o2-lab', '403'],
    [8, 'app', `Organization?_has:Patient:organization:name=${SECRET}`, '200'],
    [9, 'app', 'Observation?subject:Patient.name=z', '200'],
    [9, 'app', 'Observation?has-member.value-string=z', '200'],
    [9, 'app', 'Encounter?part-of.type=zsecret', '200'],
    [9, 'app', 'List?item:Observation.code=zsecret', '200'],
    [9, 'app', 'List?item:Observation.code:not=glucose', '200'],
    [9, 'app', 'Encounter?part-of:above=Encounter/e2', '200 e1'],
    [9, 'app', 'Encounter?part-of:below=Encounter/e3', '200'],
    [10, 'app', `Observation?_content=${SECRET}`, '200'],
    [10, 'app', `Patient?_filter=name co "${SECRET}"`, '200'],
    [10, 'app', `Observation?_filter=subject.name sw "${SECRET}"`, '200'],
    [10, 'app', 'Patient?_sort=family&_total=accurate', '200 total=1 p1'],
    [11, 'lab', 'Observation/o1-vital', '404'],
    [12, 'lab', 'Observation?category=vital-signs', '200'],
    [12, 'lab', 'Observation?category:not=laboratory', '200'],
    [13, 'lab', 'Observation/relabelled/_history/1', '404'],
    [13, 'lab', 'Observation/relabelled/_history', '404'],
    [14, 'app', 'Observation/o2-lab/_history', '404'],
    [14, 'app', 'Observation/o2-lab/_history/1', '404'],
    [14, 'reader', 'Observation/_history', '403'],
    [14, 'reader', '_history', '403'],
    [14, 'app', 'Observation/_history', '403'],
    [14, 'app', '_history', '403'],
    [15, 'app', 'Observation/moved/_history', '200 moved'],
    [15, 'app', 'Observation/moved/_history?_count=1', '200 moved'],
    [15, 'app', 'Observation/moved/_history/1', '404'],
    [15, 'app', 'Observation/moved/_history/2', '200'],
    [15, 'doctor', 'Observation/moved/_history', '200 moved'],
    [15, 'doctor', 'Observation/moved/_history/2', '200'],
    [16, 'app', 'Observation/o2-gone', '404'],
    [16, 'app', 'Observation/o2-gone/_history/1', '404'],
    [17, 'app', 'Patient/p2/$everything', '404'],
    [17, 'app', 'Encounter/e2/$everything', '404'],
    [17, 'doctor', 'Patient/p2/$everything', '404'],
    [
      ...([18, 'app', 'Patient/p1/$everything'] as const),
      '200 total=17 b1 both c1 d1 doc e1 e3 files letter moved moved-file north o1-lab o1-vital ' +
        'p1 relabelled shared t1 v1',
    ],
    [
      18,
      'app',
      'Encounter/e1/$everything',
      '200 total=6 c1 doc e1 moved north o1-lab o1-vital p1 relabelled',
    ],
    [36, 'lab', 'Observation?_elements=value&_count=0', '200 total=2'],
    [36, 'lab', 'Observation?_summary=count&_total=accurate', '200 total=2'],
    [36, 'app', 'Observation?_explain=true', '403'],
    [36, 'app', '$reindex', '403'],
];

export const own = observation('x', 'p1', 'laboratory');
export const { id: _own, ...mine } = own;
export const { id: _other, ...theirs } = observation('x', 'p2', 'laboratory');
export const patchTo = (value: string) =>
  JSON.stringify([{ op: 'replace', path: '/subject/reference', value }]);
const asPatch = { 'Content-Type': 'application/json-patch+json' };

export interface Write extends Ask {
  url: string;
}
export const post = (body: object, headers = {}): Write => ({
  ...{ method: 'POST', url: 'Observation', body: body as never, headers },
});
export const replace = (url: string, body: object, headers = {}): Write => ({
  ...{ method: 'PUT', url, body: body as never, headers },
});
export const patch = (url: string, body: string): Write => ({
  ...{ method: 'PATCH', url, body, headers: asPatch },
});
const remove = (url: string, headers = {}): Write => ({ method: 'DELETE', url, headers });


/** Number, who, the attempt, the status of its answer, and the request. */
export const WRITES: readonly [number, Who, string, string, Write][] = [
    [
      25,
      'app',
      'creates unless a hidden one is there',
      '201',
      post(mine, { 'If-None-Exist': `code=${SECRET}` }),
    ],
    [
      25,
      'writer',
      'creates by criteria without the right to search',
      '403',
      post(mine, { 'If-None-Exist': 'code=x' }),
    ],
    [
      26,
      'app',
      'updates what matches a hidden one',
      '201',
      replace(`Observation?code=${SECRET}`, mine),
    ],
    [26, 'app', 'patches it', '404', patch(`Observation?code=${SECRET}`, patchTo('Patient/p1'))],
    [26, 'app', 'deletes it', '204', remove(`Observation?code=${SECRET}`)],
    [26, 'doctor', 'deletes it', '403', remove(`Observation?code=${SECRET}`)],
    [
      27,
      'app',
      'overwrites a hidden one',
      '404',
      replace('Observation/o2-lab', { ...own, id: 'o2-lab' }),
    ],
    [
      27,
      'app',
      'creates under an id',
      '404',
      replace('Observation/fresh', { ...own, id: 'fresh' }),
    ],
    [
      27,
      'app',
      'creates under the id of a deleted one',
      '404',
      replace('Observation/o2-gone', { ...own, id: 'o2-gone' }),
    ],
    [
      27,
      'app',
      'creates where nothing is',
      '404',
      replace('Observation/o2-lab', { ...own, id: 'o2-lab' }, { 'If-None-Match': '*' }),
    ],
    [
      27,
      'doctor',
      'overwrites a hidden one',
      '404',
      replace('Observation/o2-lab', { ...own, id: 'o2-lab' }),
    ],
    [
      28,
      'app',
      'gives its own away by a patch',
      '403',
      patch('Observation/o1-lab', patchTo('Patient/p2')),
    ],
    [
      28,
      'app',
      'gives its own away',
      '403',
      replace('Observation/o1-lab', { ...theirs, id: 'o1-lab' }),
    ],
    [
      28,
      'doctor',
      'gives its own away',
      '403',
      replace('Observation/o1-lab', { ...theirs, id: 'o1-lab' }),
    ],
    [28, 'app', 'takes another’s over', '404', patch('Observation/o2-lab', patchTo('Patient/p1'))],
    [28, 'app', 'deletes another’s', '204', remove('Observation/o2-lab')],
    [
      28,
      'app',
      'deletes another’s, knowing its version',
      '412',
      remove('Observation/o2-lab', { 'If-Match': 'W/"1"' }),
    ],
    [29, 'writer', 'creates for P2', '403', post(theirs)],
    [29, 'doctor', 'creates for P2', '403', post(theirs)],
    [
      29,
      'doctor',
      'creates for P1 in an encounter of P2',
      '403',
      post({ ...mine, encounter: ref('Encounter/e2') }),
    ],
    [
      29,
      'app',
      'creates for P1 in an encounter of P2',
      '422',
      post({ ...mine, encounter: ref('Encounter/e2') }),
    ],
    [29, 'desk', 'creates a type it may not', '403', post(mine)],
    [29, 'portal', 'creates what it may read', '403', post(mine)],
    [
      30,
      'app',
      'tests a value of a hidden one',
      '404',
      patch(
        'Observation/o2-lab',
        JSON.stringify([{ op: 'test', path: '/status', value: 'final' }]),
      ),
    ],
    // What it may, so that nothing above is refused for another reason.
    [
      28,
      'app',
      'updates its own',
      '200',
      replace('Observation/o1-lab', { ...own, id: 'o1-lab', note: [{ text: 'a' }] }),
    ],
    [
      28,
      'doctor',
      'updates its own',
      '200',
      replace('Observation/o1-lab', { ...own, id: 'o1-lab', note: [{ text: 'b' }] }),
    ],
    [29, 'writer', 'creates for P1', '422', post(mine)],
    [
      29,
      'writer',
      'creates for P1 without an encounter',
      '201',
      post({ ...mine, encounter: undefined }),
    ],
    [29, 'doctor', 'creates for P1', '201', post(mine)],
];
