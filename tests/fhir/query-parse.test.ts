import { describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import { BASE, definitions, queryOf, refusal } from '../helpers/store.ts';

/** The same under `Prefer: handling=lenient`. */
function lenient(text: string): SearchQuery {
  const [type = '', search = ''] = text.split(/\?(.*)/s);
  return parseQuery({
    ...{ definitions, bases: [BASE], zone: 0, now: 0, lenient: true },
    ...{ types: [type], params: [...new URLSearchParams(search)], count: 10, maxCount: 100 },
  });
}

describe('parseQuery() of includes', () => {
  it.each([
    ['Observation?_include=Observation:subject', { source: 'Observation', code: 'subject' }],
    [
      'Observation?_include=Observation:subject:Patient',
      { source: 'Observation', code: 'subject', target: 'Patient' },
    ],
    ['Observation?_include=Observation:*', { source: 'Observation', code: '*' }],
    ['Observation?_include=*', { source: '*', code: '*' }],
    [
      'Observation?_include:iterate=Patient:organization',
      { source: 'Patient', code: 'organization', iterate: true },
    ],
    [
      'Observation?_include:recurse=Patient:organization',
      { source: 'Patient', code: 'organization', iterate: true },
    ],
    ['Patient?_revinclude=Observation:subject', { source: 'Observation', code: 'subject' }],
    ['Patient?_revinclude=*', { source: '*', code: '*' }],
    // Whatever an observation refers to may be included, a patient too.
    ['Patient?_revinclude=Observation:*', { source: 'Observation', code: '*' }],
    ['Patient?_revinclude=Provenance:target', { source: 'Provenance', code: 'target' }],
    [
      'Patient?_revinclude:iterate=Observation:encounter',
      { source: 'Observation', code: 'encounter', iterate: true },
    ],
  ])('reads %s', (text, expected) => {
    const { include, revinclude } = queryOf(text);
    expect(include.length + revinclude.length).toBe(1);
    expect((text.includes('_rev') ? revinclude : include)[0]).toEqual(expected);
  });

  it.each([
    ['Observation?_include=Observation:code', 'it has based-on, derived-from,'],
    ['Observation?_include=Observation', 'is no include; write Type:parameter'],
    ['Observation?_include=Obsrvation:subject', 'did you mean Observation?'],
    ['Observation?_include=Patient:organization', 'use _include:iterate'],
    ['Observation?_include=Observation:subject:Organization', 'never refers to Organization'],
    ['Observation?_include=Observation:subject:Patent', 'did you mean Patient?'],
    ['Observation?_include=Observation:subject:Patient:x', 'is no include'],
    ['Observation?_include=Observation:subject,Observation:encounter', 'repeat it for more'],
    ['Observation?_include:all=Observation:subject', 'takes only _include:iterate, not ":all"'],
    ['Patient?_revinclude=Observation:encounter', 'never refers to what is searched'],
    ['Patient?_revinclude=Observation:subject:Group', 'never refers to what is searched'],
    ['Patient?_summary=text&_revinclude=Observation:subject', 'cannot be combined with _include'],
  ])('refuses %s: %s', (text, expected) => expect(refusal(text)).toContain(expected));

  it('takes a limited number of them', () => {
    const many = Array.from({ length: 51 }, () => '_include=Observation:subject').join('&');
    expect(refusal(`Observation?${many}`)).toContain('at most 50 includes');
  });
});

describe('parseQuery() of the result parameters', () => {
  it('reads sorting by several keys', () => {
    expect(queryOf('Observation?_sort=status,-date,_id').sort).toEqual([
      { code: 'status', descending: false },
      { code: 'date', descending: true },
      { code: '_id', descending: false },
    ]);
    expect(queryOf('Patient,Observation?_sort=-_tag').sort).toEqual([
      { code: '_tag', descending: true },
    ]);
  });

  it('makes _count=0 a count', () => {
    expect(queryOf('Patient?_count=0').summary).toBe('count');
  });

  it('takes _explain, and keeps it out of the self link', () => {
    expect(queryOf('Patient?_explain=true')).toMatchObject({ explain: true, applied: [] });
    expect(queryOf('Patient?_explain=false').explain).toBe(false);
  });

  it('takes _contained=false, which is the default', () => {
    expect(queryOf('Patient?_contained=false').applied).toEqual([['_contained', 'false']]);
  });

  it.each([
    ['Patient?_contained=both', 'contained resources are found with the resource that holds them'],
    ['Patient?_contained=true&_containedType=container', 'leave it out'],
    ['Patient?_contained=maybe', 'must be one of false, true, both'],
    ['Patient?_sort=', 'it must list parameters'],
    ['Patient?_sort=nme', 'it cannot sort Patient by "nme"; possible: _id, _lastUpdated,'],
    ['Observation?_sort=code-value-quantity', 'cannot sort Observation by'],
    ['Patient,Observation?_sort=date', 'cannot sort several types by "date"; possible: _id'],
    ['Patient?_sort=name,name', 'names a parameter twice'],
    ['Patient?_sort=name&_sort=family', 'may be given only once'],
    ['Patient?_sort:desc=name', '_sort takes no modifier, not ":desc"'],
    ['Patient?_Count=1', 'write _count'],
    ['Patient?_count=-1', 'a whole number from 0 on'],
    ['Patient?_total=all', 'must be one of none, estimate, accurate'],
    ['Patient?_explain=yes', 'must be one of true, false'],
    ['Patient?_type=Patient', 'it belongs to searches of the whole system'],
    ['Patient?_query=x', 'no named queries'],
    ['Patient?Family=x', 'did you mean "family"?'],
    ['Patient?family=', 'it has an empty value'],
    ['Patient?family:starts=x', ':starts'],
    ['Patient?_filter=', 'it is empty'],
  ])('refuses %s: %s', (text, expected) => expect(refusal(text)).toContain(expected));

  it('names every faulty parameter at once', () => {
    const text = refusal('Patient?nmae=x&_sort=nme&birthdate=y');
    expect(text).toMatch(/"nmae".*"_sort".*"birthdate"/s);
  });
});

describe('parseQuery() under lenient handling', () => {
  it('leaves out what it does not know, says so, and applies the rest', () => {
    const query = lenient(
      'Patient?nmae=x&Family=y&subject.name=z&family:foo=a&active=true&_sort=q',
    );
    expect(query.applied).toEqual([['active', 'true']]);
    expect(query.where).toHaveLength(1);
    expect(query.ignored.map((one) => one.expression)).toEqual([
      ...['http.nmae', 'http.Family', 'http.subject.name', 'http.family:foo', 'http._sort'],
    ]);
  });

  it.each(['Patient?birthdate=x', 'Patient?_count=x', 'Observation?patient.birthdate=x'])(
    'refuses the wrong value of %s all the same',
    (text) => expect(() => lenient(text)).toThrow(FhirError),
  );
});

describe('parseQuery() of very much', () => {
  it('refuses a chain that comes to more conditions than a statement can hold', () => {
    const dates = Array.from({ length: 100 }, (_, i) => `ge${1900 + i}`).join(',');
    expect(queryOf(`Provenance?target:Patient._lastUpdated=${dates}`).where).toHaveLength(1);
    const refused = refusal(`Provenance?target._lastUpdated=${dates}`);
    expect(refused).toMatch(/comes to \d+ conditions; at most 5000 .* subject:Patient.name/);
  });

  it('refuses more text than a search has a use for, and repeats no long value', () => {
    const long = 'x'.repeat(400_000);
    expect(queryOf(`Patient?identifier=${long}`).where).toHaveLength(1);
    expect(refusal(`Patient?name=${long}&family=${long}`)).toContain('of 800010 characters');
    const refused = refusal(`Patient?birthdate=${long}`);
    expect(refused).toMatch(/^The parameter "birthdate" was refused: .*x \.\. x.* date/);
    expect(refused.length).toBeLessThan(2000);
  });

  it('refuses more values along more ways than can be read in a moment', () => {
    const ids = Array.from({ length: 1500 }, (_, i) => i).join(',');
    expect(refusal(`Provenance?target._id=${ids}`)).toContain('chains of so many types');
    expect(queryOf(`Provenance?target:Patient._id=${ids}`).where).toHaveLength(1);
  });
});
