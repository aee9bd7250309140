import { describe, expect, it } from 'vitest';
import type { Term } from '../../server/fhir/query.ts';
import { queryOf, refusal } from '../helpers/store.ts';

/** The only criterion of a search. */
function termOf(text: string): Term {
  const { where } = queryOf(text);
  const [term] = where;
  if (!term || where.length !== 1) throw new Error(`${where.length} terms`);
  return term;
}

/** A term in one line: chains as `key>Type[..]`, `_has` as `key<Source[..]`; `@` uses the patient column. */
function shown(term: Term): string {
  switch (term.kind) {
    case 'chain': {
      const targets = term.targets.map(({ type, where }) => `${type}[${where.map(shown).join()}]`);
      return `${term.key}${term.patient ? '@' : ''}>${targets.join('|')}`;
    }
    case 'has':
      return `${term.key}${term.patient ? '@' : ''}<${term.source}[${term.where.map(shown).join()}]`;
    case 'words':
      return `words(${term.words.join().replace(/[^ -~]/g, '^')})`;
    case 'string':
      return `${term.keys.join()}=${term.values.join()}`;
    case 'references':
      return `${term.key}${term.patient ? '@' : ''}=${term.targets.join()}`;
    case 'id':
      return `id=${term.ids.join()}`;
    case 'not':
      return `not(${shown(term.term)})`;
    case 'any':
    case 'all':
      return `${term.kind}(${term.terms.map(shown).join()})`;
    default:
      return term.kind;
  }
}
const tree = (text: string): string => shown(termOf(text));

describe('a chain', () => {
  it.each([
    ['Observation?patient.name=x', 'Observation.patient@>Patient[Patient.name=x]'],
    ['Observation?subject:Patient.name=x', 'Observation.subject@>Patient[Patient.name=x]'],
    // Of the types that subject refers to, Group and Device have no name; Location has.
    [
      'Observation?subject.name=x',
      'Observation.subject>Location[Location.name=x]|Patient[Patient.name=x]',
    ],
    [
      'Observation?patient.organization.name=x',
      'Observation.patient@>Patient[Patient.organization>Organization[Organization.name=x]]',
    ],
    ['Patient?organization._id=1,2', 'Patient.organization>Organization[id=1,2]'],
    ['Patient?organization._lastUpdated=2020', 'Patient.organization>Organization[lastUpdated]'],
    ['Patient?organization._tag=a|b', 'Patient.organization>Organization[words(_tag|a^b)]'],
    [
      'Patient?general-practitioner:Practitioner.family=x',
      'Patient.general-practitioner>Practitioner[Practitioner.family=x]',
    ],
    [
      'Encounter?location.organization=1',
      'Encounter.location>Location[Location.organization=Organization/1]',
    ],
    [
      'QuestionnaireResponse?questionnaire.title=x',
      'QuestionnaireResponse.questionnaire>Questionnaire[Questionnaire.title=x]',
    ],
  ])('%s is %s', (text, expected) => expect(tree(text)).toBe(expected));

  it('takes the modifiers of its last part', () => {
    expect(tree('Observation?patient.general-practitioner:Practitioner=1')).toBe(
      'Observation.patient@>Patient[Patient.general-practitioner=Practitioner/1]',
    );
  });

  it.each([
    ['Observation?subject.nmae=x', 'none of the types that Observation:subject refers to'],
    ['Observation?patient.nme=x', 'Patient has no search parameter "nme"; did you mean "name"?'],
    ['Observation?patient.Birthdate=x', 'did you mean "birthdate"?'],
    ['Observation?subjct.name=x', 'did you mean "subject"?'],
    ['Observation?code.name=x', 'only references are followed'],
    ['MeasureReport?measure:Library.title=x', 'never refers to Library; possible: Measure'],
    ['Observation?subject:Organization.name=x', 'never refers to Organization; possible: '],
    ['Observation?subject:exact.name=x', '":exact" is no type to follow; write subject:'],
    ['Observation?subject.=x', 'a parameter must follow "subject."'],
    ['Observation?patient.birthdate=x', '"x" is not a date'],
    ['Patient?link.link.link.link.link.link.link.name=x', 'more than 6 links'],
    ['Provenance?target.subject.subject._id=1', 'name the types, e.g. target:'],
  ])('%s is refused: %s', (text, expected) => expect(refusal(text)).toContain(expected));
});

describe('_has', () => {
  it.each([
    [
      'Patient?_has:Observation:patient:code=1234-5',
      'Observation.patient@<Observation[words(Observation.code^1234-5)]',
    ],
    [
      'Patient?_has:Observation:subject:code=a,b',
      'Observation.subject@<Observation[words(Observation.code^a,Observation.code^b)]',
    ],
    [
      'Practitioner?_has:Observation:performer:code=a',
      'Observation.performer<Observation[words(Observation.code^a)]',
    ],
    // R4 3.1.1.4.14, the nested example.
    [
      'Patient?_has:Observation:patient:_has:AuditEvent:entity:agent:Practitioner=1',
      'Observation.patient@<Observation[AuditEvent.entity<AuditEvent[AuditEvent.agent=Practitioner/1]]',
    ],
    [
      'Patient?_has:Observation:patient:encounter.status=finished',
      'Observation.patient@<Observation[Observation.encounter>Encounter[words(Encounter.status^finished)]]',
    ],
    [
      'Encounter?patient._has:Group:member:_id=102',
      'Encounter.patient@>Patient[Group.member<Group[id=102]]',
    ],
    ['Measure?_has:MeasureReport:measure:_id=1', 'MeasureReport.measure<MeasureReport[id=1]'],
  ])('%s is %s', (text, expected) => expect(tree(text)).toBe(expected));

  it.each([
    ['Patient?_has:Observation:patient=1', 'write _has:Type:reference:parameter'],
    ['Patient?_has=1', 'write _has:Type:reference:parameter'],
    ['Patient?_has:Observaton:patient:code=1', 'did you mean Observation?'],
    ['Patient?_has:Observation:encounter:code=1', 'to Patient by "encounter", but by focus, '],
    ['Patient?_has:Observation:code:code=1', 'does not refer to Patient by "code", but by'],
    ['Patient?_has:Organization:partof:name=x', 'but not at all'],
    ['Library?_has:MeasureReport:measure:_id=1', 'does not refer to Library by "measure"'],
    ['Patient?_has:Observation:patient:cod=1', 'Observation has no search parameter "cod"'],
  ])('%s is refused: %s', (text, expected) => expect(refusal(text)).toContain(expected));
});

describe('_filter', () => {
  it('has paths of its own, chains and _has among them', () => {
    const path = encodeURIComponent('subject:Patient.name eq "x" or code eq 1 and _id eq 5');
    expect(tree(`Observation?_filter=${path}`)).toBe(
      'all(any(Observation.subject@>Patient[Patient.name=x],words(Observation.code^1)),id=5)',
    );
    expect(tree('Patient?_filter=_has:Observation:patient:code eq 1')).toBe(
      'Observation.patient@<Observation[words(Observation.code^1)]',
    );
  });

  it('says where a path is wrong', () => {
    expect(refusal('Patient?_filter=nme eq x')).toMatch(/"nme" at character 1:.*did you mean/);
  });
});

describe('a search of several types', () => {
  it.each([
    ['Patient,Observation?_id=1', 'id=1'],
    ['Patient,Observation?_tag=a|b', 'words(_tag|a^b)'],
    // The same column for both; code has a key for each.
    ['Condition,Observation?patient=1', 'Condition.patient@=Patient/1'],
    ['Condition,Observation?code=x', 'words(Condition.code^x,Observation.code^x)'],
    ['Condition,Observation?patient.name=x', 'Condition.patient@>Patient[Patient.name=x]'],
    // Not the column for Group: both look at their own keys.
    [
      'Observation,Provenance?patient=1',
      'any(Observation.patient=Patient/1,Provenance.patient=Patient/1)',
    ],
    [
      'Group,Patient?_has:Observation:subject:code=a',
      'Observation.subject<Observation[words(Observation.code^a)]',
    ],
  ])('%s is %s', (text, expected) => expect(tree(text)).toBe(expected));

  it.each([
    ['Patient,Observation?code=x', '"code" is not a parameter of every type searched'],
    ['Observation,Appointment?_has:AuditEvent:patient:_id=1', 'does not refer to Observation'],
    ['Patient,Observation?_filter=_id eq 1', 'it takes a search of one type'],
    ['Observation,Patient?_lastUpdated:missing=x', 'either true or false'],
    // A date is a column of the row for one of them, and rows of their own for the other.
    ['MedicationRequest,Observation?date=2020', 'it cannot be asked of these types together'],
  ])('%s is refused: %s', (text, expected) => expect(refusal(text)).toContain(expected));

  it('joins negations so that each type keeps its own', () => {
    expect(tree('Condition,Observation?code:not=x')).toBe(
      'not(words(Condition.code^x,Observation.code^x))',
    );
  });

  it('takes a main date of all of them as one, and refuses one of some', () => {
    expect(tree('Observation,Encounter?date=2020')).toBe('date');
  });
});
