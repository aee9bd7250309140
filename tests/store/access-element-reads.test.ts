import { describe, expect, it } from 'vitest';
import type { Definitions, SearchParamDef } from '../../server/fhir/definitions.ts';
import { elementsRead, readsOf } from '../../server/store/access-element-reads.ts';
import { definitions, queryOf } from '../helpers/store.ts';

describe('elementsRead()', () => {
  const told = (of: Definitions, type: string, code: string): string => {
    const paths = elementsRead(of, type, code);
    return paths === 'all' ? 'all' : [...new Set(paths.map((path) => path.join('.')))].join(' ');
  };

  it.each([
    ['Patient', 'name', 'name'],
    ['Patient', 'family', 'name.family'],
    ['Patient', 'deceased', 'deceased'],
    ['Patient', 'email', 'telecom telecom.system'],
    ['Patient', '_tag', 'meta.tag'],
    ['Patient', '_text', 'all'],
    ['Encounter', 'diagnosis', 'diagnosis.condition'],
    ['Encounter', 'date', 'period'],
    ['Condition', 'onset-age', 'onset'],
    ['Observation', 'code-value-quantity', 'code value'],
    ['Observation', 'component-code-value-concept', 'component.code component.value'],
    ['SupplyRequest', 'subject', 'deliverTo'],
    ['AllergyIntolerance', 'code', 'code reaction.substance'],
    ['Patient', 'no-such', 'all'],
  ])('%s %s', (type, code, expected) => expect(told(definitions, type, code)).toBe(expected));

  it.each([
    ["Patient.extension('urn:x').value.ofType(Coding)", 'extension.value'],
    ['Patient.where(name.exists()).birthDate', 'birthDate name'],
    ['Patient.contact.select(name | telecom)', 'contact.name contact.telecom'],
    ['Patient.link.other.resolve().ofType(Patient).name', ''],
    ["Patient.contact.where(%resource.gender = 'male').name", 'contact.name gender'],
    ['Patient.descendants()', 'all'],
    ['Patient.contact.children()', 'all'],
    ['Patient.name.given + Patient.name.family', 'all'],
  ])('of a parameter of one’s own: %s', (expression, expected) => {
    const own: SearchParamDef = { code: 'own', url: 'urn:own', type: 'token', expression };
    const custom = { ...definitions, searchParams: () => new Map([['own', own]]) };
    expect(told(custom, 'Patient', 'own')).toBe(expected);
  });
});

describe('readsOf()', () => {
  const told = (text: string): string => {
    const { types, where } = queryOf(text);
    const reads = readsOf(definitions, types, where);
    return [...reads].map(([type, codes]) => `${type}: ${[...codes].sort().join()}`).join('; ');
  };

  it.each([
    ['Patient?_id=1&_lastUpdated=gt2020', ''],
    ['Patient?name=x&birthdate=1970', 'Patient: birthdate,name'],
    ['Patient?name:exact=x', 'Patient: name'],
    ['Patient?active:missing=true', 'Patient: active'],
    ['Patient?_tag=x', 'Patient: _tag'],
    ['Patient?_text=x', 'Patient: *'],
    ['Patient?_filter=name eq x or not (gender eq male)', 'Patient: gender,name'],
    ['Observation?code:text=x', 'Observation: code'],
    ['Observation?subject=Patient/1', 'Observation: patient,subject'],
    ['Observation?code-value-quantity=a$5', 'Observation: code,value-quantity'],
    ['Observation?value-quantity=5', 'Observation: value-quantity'],
    ['Observation?subject:identifier=x', 'Observation: subject'],
    ['Observation?subject:Patient.name=x', 'Observation: patient,subject; Patient: name'],
    ['Patient?_has:Observation:subject:code=x', 'Observation: code,patient,subject'],
    ['Observation?_list=1', 'List: item'],
    ['Location?near=1|2|3|km', 'Location: near'],
    ['Encounter?location:below=Location/1', 'Encounter: location; Location: partof'],
    ['Observation?code:in=urn:x', 'Observation: code; ValueSet: *; CodeSystem: *'],
    // What stands in the same column for both.
    ['Encounter,Observation?patient=Patient/1', 'Encounter: patient; Observation: patient'],
    ['Patient,Practitioner?name=x', 'Patient: name; Practitioner: name'],
  ])('%s', (text, expected) => expect(told(text)).toBe(expected));
});
