import { describe, expect, it } from 'vitest';
import { criteriaTerms, NoCriteria, type Variables } from '../../server/auth/access-criteria.ts';
import { options, parse } from '../helpers/term.ts';

const nobody: Variables = { user: [], patient: [], own: [], branch: [], ward: [], today: [] };
const somebody: Variables = {
  user: ['Practitioner/1', 'PractitionerRole/7'],
  patient: ['Patient/p'],
  own: ['Patient/o'],
  branch: ['Organization/a', 'Organization/b'],
  ward: ['Location/w'],
  today: ['2020-02-03'],
};

const terms = (query: string, variables = somebody) => {
  const [type = '', text = ''] = query.split(/\?(.*)/s);
  return criteriaTerms(text, type, { ...options, variables });
};
const refusal = (query: string, variables = somebody): NoCriteria => {
  try {
    terms(query, variables);
  } catch (error) {
    if (error instanceof NoCriteria) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('criteriaTerms()', () => {
  it.each([
    ['Observation?subject=%patient', 'Observation?subject=Patient/p'],
    ['Encounter?participant=%user', 'Encounter?participant=Practitioner/1,PractitionerRole/7'],
    ['Encounter?practitioner=%user', 'Encounter?practitioner=Practitioner/1'],
    [
      'Encounter?service-provider=%branch',
      'Encounter?service-provider=Organization/a,Organization/b',
    ],
    ['Task?owner=%user,Group/g,%branch', undefined],
    ['Task?owner=%branch,Device/d', 'Task?owner=Organization/a,Organization/b,Device/d'],
    ['Patient?_id=%own', 'Patient?_id=o'],
    ['Organization?_id=%branch', 'Organization?_id=a,b'],
    ['Appointment?date=%today', 'Appointment?date=2020-02-03'],
    ['Observation?category=a%7Cb', 'Observation?category=a|b'],
  ])('%s says %s', (text, plain) => {
    if (plain === undefined) expect(refusal(text).ofPerson).toBe(false);
    else expect(terms(text)).toEqual([parse(plain)]);
  });

  it('takes a search with its type, if it is that of the rule', () => {
    const plain = [parse('Observation?category=lab')];
    expect(
      criteriaTerms('Observation?category=lab', 'Observation', { ...options, variables: nobody }),
    ).toEqual(plain);
    expect(() =>
      criteriaTerms('Condition?category=lab', 'Observation', { ...options, variables: nobody }),
    ).toThrow('is for Condition');
  });

  it.each([
    ['Observation?subject=%patient', 'nothing is known for %patient'],
    ['Observation?category=lab&subject=%own', 'nothing is known for %own'],
    ['Task?owner=Device/d,%user', 'nothing is known for %user'],
    ['Patient?_id:not=%own', 'nothing is known for %own'],
  ])('gives nothing for %s where the variable is empty', (text, reason) => {
    const refused = refusal(text, nobody);
    expect([refused.message, refused.ofPerson]).toEqual([reason, true]);
  });

  it.each([
    ['Patient?general-practitioner=%own', true],
    ['Organization?_id=%own', true],
    ['Observation?subject=%nobody', false],
    ['Observation?subject=%', false],
    ['Observation?nonsense=1', false],
    ['Observation?_sort=date', false],
    ['Observation?_count=1', false],
    ['Observation?_include=Observation:subject', false],
    ['Observation?', false],
    ['Observation?category=', false],
    ['Observation?category:nonsense=x', false],
  ])('gives nothing for %s', (text, ofPerson) => {
    expect(refusal(text).ofPerson).toBe(ofPerson);
  });

  it('means one resource by what goes the same way', () => {
    const ward = '_has:Encounter:patient:location=%ward';
    const now = '_has:Encounter:patient:status=in-progress';
    const [location] = [parse('Encounter?location=Location/w')];
    const [status] = [parse('Encounter?status=in-progress')];
    expect(terms(`Patient?${ward}&active=true&${now}`)).toEqual([
      {
        ...{ kind: 'has', source: 'Encounter', key: 'Encounter.patient', patient: true },
        where: [location, status],
      },
      parse('Patient?active=true'),
    ]);
    const [chain] = terms(`Observation?patient:Patient.${ward}&patient:Patient.${now}`);
    expect(chain).toMatchObject({
      kind: 'chain',
      targets: [{ type: 'Patient', where: [{ kind: 'has', where: [location, status] }] }],
    });
  });

  it('keeps apart what goes other ways', () => {
    const text = '_has:Encounter:patient:status=planned&_has:CareTeam:patient:status=active';
    expect(terms(`Patient?${text}`)).toHaveLength(2);
    expect(terms('Observation?status=final&status=amended')).toHaveLength(2);
  });
});
