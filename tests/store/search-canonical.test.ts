import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { actor, BASE, find, idsOf, type OpenStores, openStores, put } from '../helpers/store.ts';

/** Joins along references by canonical url (R4 2.3.0.4): with a version that one, without one any. */

type Stored = Resource & { id: string };

let open: OpenStores;
const url = (name: string): string => `http://x.org/${name}`;

const questionnaire = (id: string, name: string, rest: object): Stored => ({
  ...{ resourceType: 'Questionnaire', id, status: 'active', url: url(name) },
  ...rest,
});
const response = (id: string, canonical: string, status = 'completed'): Stored => ({
  ...{ resourceType: 'QuestionnaireResponse', id, status, questionnaire: canonical },
});
const library = (id: string): Stored => ({
  ...{ resourceType: 'Library', id, status: 'active', url: url(id), version: '1' },
  ...{ type: { text: 'x' }, title: `Library ${id}` },
});
const planned = (id: string, ...instantiatesCanonical: string[]): Stored => ({
  ...{ resourceType: 'CarePlan', id, status: 'active', intent: 'plan', instantiatesCanonical },
  subject: { display: 'x' },
});

const resources: Stored[] = [
  questionnaire('mood1', 'mood', { version: '1', title: 'Mood, old' }),
  questionnaire('mood2', 'mood', { version: '2', title: 'Mood, new', publisher: 'Clinic' }),
  questionnaire('pain', 'pain', { title: 'Pain' }),
  questionnaire('sleep', 'sleep', { version: '1', title: 'Sleep', publisher: 'Clinic' }),
  // Its url is the address of another.
  questionnaire('moved', '', { url: `${BASE}/Questionnaire/pain`, title: 'Moved' }),
  { resourceType: 'Questionnaire', id: 'nameless', status: 'draft', title: 'Nameless' },
  response('old', `${url('mood')}|1`),
  response('new', `${url('mood')}|2`, 'in-progress'),
  response('any', url('mood'), 'stopped'),
  response('lost', `${url('mood')}|3`),
  response('pain', `${url('pain')}#page2`),
  response('pain9', `${url('pain')}|9`, 'stopped'),
  response('local', `${BASE}/Questionnaire/nameless`),
  response('address', `${BASE}/Questionnaire/pain`),
  {
    ...{ resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' } },
    derivedFrom: [{ reference: 'QuestionnaireResponse/new' }],
  },
  library('l1'),
  library('l2'),
  {
    ...{ resourceType: 'PlanDefinition', id: 'pd', status: 'active', url: url('pd') },
    ...{ library: [`${url('l1')}|1`], title: 'Plan' },
    relatedArtifact: [{ type: 'depends-on', resource: url('l2') }],
  },
  planned('both', `${url('pd')}|7`, url('pd')),
  planned('other', `${url('pd')}|7`, url('mood')),
];

beforeAll(async () => {
  open = await openStores();
  await open.stores[0].commit(actor, resources.map(put));
});
afterAll(() => open.close());

const sorted = async (text: string): Promise<string> =>
  (await idsOf(open.stores[0], text)).sort().join(' ');

async function included(text: string): Promise<string> {
  const { included: found, issues } = await find(open.stores[0], text);
  expect(issues).toEqual([]);
  return found
    .map(({ type, id }) => `${type}/${id}`)
    .sort()
    .join(' ');
}

async function refused(text: string): Promise<string> {
  const error = await find(open.stores[0], text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FhirError)) throw error ?? new Error('it was not refused');
  return `${error.kind} ${error.issues[0]?.code} ${error.issues[0]?.diagnostics}`;
}

const QR = 'QuestionnaireResponse';

describe('a chain along a canonical url', () => {
  it.each([
    [`${QR}?questionnaire.title=new`, 'any new'],
    [`${QR}?questionnaire:Questionnaire.title=old`, 'any old'],
    [`${QR}?questionnaire.title=mood`, 'any new old'],
    [`${QR}?questionnaire.version=1&questionnaire.url=${url('mood')}`, 'any old'],
    // A questionnaire without a version fits only references that name none.
    [`${QR}?questionnaire.title=pain`, 'address pain'],
    [`${QR}?questionnaire.title=moved`, 'address'],
    [`${QR}?questionnaire.title=nameless`, 'local'],
    [`${QR}?questionnaire.title=nothing`, ''],
    [`${QR}?questionnaire.title=mood&status=stopped`, 'any'],
    [`${QR}?questionnaire.publisher:missing=true`, 'address any local old pain'],
    [`Observation?derived-from:${QR}.questionnaire.title=new`, 'o'],
    [`Observation?derived-from:${QR}.questionnaire.title=old`, ''],
    ['PlanDefinition?depends-on:Library.title=library', 'pd'],
    ['PlanDefinition?depends-on.title=library', 'pd'],
    ['CarePlan?instantiates-canonical.title=plan', 'both'],
    ['CarePlan?instantiates-canonical:Questionnaire.title=mood', 'other'],
    ['CarePlan?instantiates-canonical:PlanDefinition.depends-on:Library._id=l2', 'both'],
    [`${QR}?_filter=questionnaire.title sw "Mood, n" and not (status eq stopped)`, 'new'],
  ])('%s finds %j', async (text, ids) => expect(await sorted(text)).toBe(ids));
});

describe('_has along a canonical url', () => {
  it.each([
    [`Questionnaire?_has:${QR}:questionnaire:status=completed`, 'mood1 moved nameless pain'],
    [`Questionnaire?_has:${QR}:questionnaire:status=in-progress`, 'mood2'],
    [`Questionnaire?_has:${QR}:questionnaire:status=stopped`, 'mood1 mood2'],
    [`Questionnaire?_has:${QR}:questionnaire:status=amended`, ''],
    [`Questionnaire?_has:${QR}:questionnaire:_id=lost,pain9`, ''],
    [`Questionnaire?_has:${QR}:questionnaire:_has:Observation:derived-from:_id=o`, 'mood2'],
    ['Library?_has:PlanDefinition:depends-on:title=plan', 'l1 l2'],
    [
      'Library?_has:PlanDefinition:depends-on:_has:CarePlan:instantiates-canonical:_id=both',
      'l1 l2',
    ],
    ['PlanDefinition?_has:CarePlan:instantiates-canonical:status=active', 'pd'],
    [`${QR}?questionnaire._has:CarePlan:instantiates-canonical:_id=other`, 'any new old'],
  ])('%s finds %j', async (text, ids) => expect(await sorted(text)).toBe(ids));
});

describe('includes along a canonical url', () => {
  it.each([
    [`${QR}?_id=old&_include=${QR}:questionnaire`, 'Questionnaire/mood1'],
    [`${QR}?_id=any&_include=${QR}:questionnaire`, 'Questionnaire/mood1 Questionnaire/mood2'],
    [`${QR}?_id=lost,pain9&_include=${QR}:questionnaire`, ''],
    [`${QR}?_id=pain&_include=${QR}:questionnaire:Questionnaire`, 'Questionnaire/pain'],
    [`${QR}?_id=address&_include=${QR}:*`, 'Questionnaire/moved Questionnaire/pain'],
    [`${QR}?_id=old&_include=*`, 'Questionnaire/mood1'],
    [
      `Observation?_id=o&_include=Observation:derived-from&_include:iterate=${QR}:questionnaire`,
      'Questionnaire/mood2 QuestionnaireResponse/new',
    ],
    [
      'CarePlan?_id=both&_include=CarePlan:instantiates-canonical&_include:iterate=PlanDefinition:depends-on',
      'Library/l1 Library/l2 PlanDefinition/pd',
    ],
    ['CarePlan?_id=other&_include=CarePlan:instantiates-canonical:PlanDefinition', ''],
  ])('%s: %j', async (text, expected) => expect(await included(text)).toBe(expected));

  it.each([
    [
      `Questionnaire?_id=mood1&_revinclude=${QR}:questionnaire`,
      'QuestionnaireResponse/any QuestionnaireResponse/old',
    ],
    [
      `Questionnaire?_id=pain,nameless&_revinclude=${QR}:questionnaire`,
      'QuestionnaireResponse/address QuestionnaireResponse/local QuestionnaireResponse/pain',
    ],
    [
      `Questionnaire?_id=mood2&_revinclude=*&_revinclude:iterate=Observation:derived-from`,
      'CarePlan/other Observation/o QuestionnaireResponse/any QuestionnaireResponse/new',
    ],
    [
      'Library?_id=l2&_revinclude=PlanDefinition:depends-on&_revinclude:iterate=CarePlan:instantiates-canonical',
      'CarePlan/both PlanDefinition/pd',
    ],
  ])('%s: %j', async (text, expected) => expect(await included(text)).toBe(expected));
});

describe('where there are many', () => {
  const many = Array.from({ length: 520 }, (_, n) =>
    response(`many${n}`, `${url('sleep')}|1`, 'amended'),
  );
  const versions = Array.from({ length: 1001 }, (_, n) =>
    questionnaire(`v${n}`, 'flood', { version: String(n), title: 'Flood' }),
  );

  it('asks for each resource that many may refer to', async () => {
    await open.stores[0].commit(actor, many.map(put));
    const amended = `Questionnaire?_has:${QR}:questionnaire:status=amended`;
    expect(await sorted(amended)).toBe('sleep');
    await open.stores[0].commit(actor, [put(response('many0', url('mood'), 'amended'))]);
    expect(await sorted(amended)).toBe('mood1 mood2 sleep');
    expect(await sorted(`${amended}&title=new`)).toBe('mood2');
  });

  it('refuses what it cannot answer whole, and says how to go on', async () => {
    await open.stores[0].commit(actor, versions.map(put));
    const chain = `${QR}?questionnaire.title=flood`;
    expect(await refused(chain)).toMatch(/^invalid too-costly .*"questionnaire".*more than 1000/);
    expect(await refused(chain)).toContain('narrow the search down');
    expect(await sorted(`${QR}?questionnaire.title=new`)).toBe('any many0 new');
    const has = `Questionnaire?_has:${QR}:questionnaire`;
    expect(await refused(`${has}:status=amended`)).toMatch(/^invalid too-costly /);
    expect(await sorted(`${has}:_id=many1`)).toBe('sleep');
  });

  it('says where an include was cut off', async () => {
    await open.stores[0].commit(actor, [put(response('flooded', url('flood')))]);
    const page = await find(open.stores[0], `${QR}?_id=flooded&_include=${QR}:questionnaire`);
    expect(page.issues.map(({ diagnostics }) => diagnostics)).toEqual([
      expect.stringContaining('the rest was left out'),
    ]);
    const of = (id: string) => `Questionnaire?_id=${id}&_revinclude=${QR}:questionnaire`;
    expect(await included(of('v1000'))).toBe('QuestionnaireResponse/flooded');
  });
});
