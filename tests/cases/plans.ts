/**
 * One of each shape of search, asked of the hospital of `hospital.ts`: every kind of term alone and
 * in the company in which it is asked for, values that few have and values that nearly all have.
 * `Patient/p7/Observation?` and `Patient/p7/*?` are searches of a compartment, `*?` of all types.
 */
const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const SCT = 'http://snomed.info/sct';

const plain: readonly string[] = [
  'Patient?',
  'Observation?',
  'Observation?status=final',
  'Observation?status=amended&category=laboratory',
  'Observation?_id=o7-1-3,o8-1-3,none',
  'Patient?identifier=urn:mrn|m77',
  'Patient?identifier=m77',
  'Patient?identifier=urn:mrn|m77&_sort=birthdate',
  'Patient?identifier=urn:mrn|',
  'Patient?birthdate=1985',
  'Patient?gender=male&birthdate=lt1940',
  'Patient?death-date=ge2020',
  'Patient?death-date=2015-03',
  'Encounter?date=2015-03',
  'Encounter?date=ge2015-03-01&date=lt2015-03-08&class=IMP',
  'Encounter?location=Location/l7',
  'Encounter?practitioner=Practitioner/d7&_sort=-date',
  'Encounter?service-provider=Organization/g7&date=2015',
  'Condition?code=1003&clinical-status=active',
  'Provenance?target=Observation/o7-1-3',
  'Location?near=10|20|500|km',
  'CarePlan?instantiates-canonical=http://example.org/plan/3',
  'CarePlan?instantiates-canonical=http://example.org/plan/3|1.1',
];

const ofPatient: readonly string[] = [
  'Observation?patient=p7',
  'Observation?patient=p7&category=vital-signs&_sort=-date',
  'Observation?subject=Patient/p7&date=ge2015&_sort=date',
  'Observation?patient=p7,p8&_sort=-date,_id',
  'Observation?patient=p7&value-quantity=gt5',
  'Observation?patient=p7&code:not=v1&_sort=-date',
  'Observation?patient=p7&_sort=code',
  'Observation?patient.identifier=urn:mrn|m7&_sort=-date',
  'MedicationRequest?patient=p7&status=active&_include=MedicationRequest:medication',
  'Encounter?patient=p7&_include=Encounter:practitioner&_revinclude=Observation:encounter',
  'Patient/p7/Observation?',
  'Patient/p7/Observation?_sort=-date',
  'Patient/p7/MedicationRequest?status=active',
  'Patient/p7/*?',
  'Patient/p7/*?_lastUpdated=ge2015',
  'Encounter/e7-1/Observation?',
  'Practitioner/d7/Encounter?',
];

const byCode: readonly string[] = [
  `Observation?code=${LOINC}|l7`,
  'Observation?code=l7&date=ge2015-06-01',
  'Observation?code=l7&date=2015-06-01',
  'Observation?code=rare&_sort=-date',
  'Observation?code=v1&_sort=-date',
  'Observation?code=v1&status=amended&_sort=-date',
  'Observation?code=v1&status=entered-in-error&_sort=-date',
  'Observation?code=l7,l8,rare&_sort=code',
  'Observation?combo-code=8480-6',
  'Observation?code=v1&date=ge2015-06-01&date=le2015-06-30&_sort=date',
  `Observation?code:in=http://example.org/area7/ValueSet/s7`,
  `Observation?code:not-in=http://example.org/area7/ValueSet/s7`,
  'Observation?code:text=kind l7',
  'Observation?code:text=kind',
  'Condition?code:text=problem 7&clinical-status=active',
  'Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|m77',
];

const byText: readonly string[] = [
  'Patient?name=ka',
  'Patient?name=kaber',
  'Patient?name=ka&gender=male',
  'Patient?family=kaber&given=lo',
  'Patient?family=kaber,lolin',
  'Patient?name=kaber&_sort=birthdate',
  'Patient?name:contains=ber',
  'Patient?name:contains=nowhere',
  'Patient?family:exact=kaber',
  'Patient?address-city=city7',
  'Patient?address=7 long',
  'Patient?_text=kind7',
  'Patient?_text=allergic',
  'Encounter?_text=cause7&date=2015',
  'ValueSet?url=http://example.org/area7/ValueSet/s7',
  'ValueSet?url:below=http://example.org/area7',
  'ValueSet?url:above=http://example.org/area7/ValueSet/s7/more',
  'ValueSet?name:contains=t7',
];

const byValue: readonly string[] = [
  'Observation?value-quantity=500||mg',
  'Observation?value-quantity=gt990',
  'Observation?value-quantity=gt99.8||mmol/l',
  `Observation?value-quantity=0.5|${UCUM}|g`,
  `Observation?value-quantity=ge998|${UCUM}|mg`,
  `Observation?value-quantity=ge0.0000999|${UCUM}|kg&_sort=-date`,
  `Observation?code=l7&value-quantity=gt900|${UCUM}|mg&_sort=-date`,
  `Observation?code-value-quantity=l7$gt900|${UCUM}|mg`,
  'Observation?code-value-quantity=l7$7',
  `Observation?component-code-value-quantity=8480-6$gt175|${UCUM}|mm[Hg]`,
  `Observation?component-code-value-quantity=8480-6$ge175&date=2015`,
];

const negated: readonly string[] = [
  'Observation?status:not=final',
  'Observation?code:not=v1&category=vital-signs',
  'Patient?gender:not=male,female',
  'Observation?performer:missing=true',
  'Observation?performer:missing=false&code=l7',
  'Observation?value-quantity:missing=true&_sort=-date',
  'Patient?death-date:missing=false&_sort=birthdate',
  'Patient?phone:missing=true',
  'Condition?asserter:missing=true&code=1003',
];

const joined: readonly string[] = [
  'Observation?patient.name=kaber',
  'Observation?patient.name=kaber&code=l7&_sort=-date',
  'Observation?patient.gender=female&code=l7',
  'Observation?patient.birthdate=lt1935&code=rare',
  'Observation?subject:Patient.identifier=urn:mrn|m7',
  'Observation?encounter.identifier=urn:visit|v7-1',
  'Observation?encounter.class=IMP&code=l7',
  'Observation?encounter:Encounter.date=2015-03-05',
  'Observation?performer:Practitioner.identifier=urn:npi|n7&_sort=-date',
  'Observation?performer:Practitioner.name=kaber&code=l7',
  'Encounter?service-provider.name=clinic kaber',
  'Encounter?patient.organization.name=clinic kaber',
  'Encounter?subject:Patient.general-practitioner:Practitioner.name=kaber',
  'Observation?patient.organization=Organization/g7&code=v1',
  'MedicationRequest?medication:Medication.code=drug7',
  'MedicationRequest?medication:Medication.code=drug7&status=active&_sort=-authoredon',
  'DiagnosticReport?result.code=rare',
  'DiagnosticReport?result.code=l7&_sort=-date',
  'Location?partof.partof.name=ward 1',
  'Encounter?location:below=Location/l1',
];

const reversed: readonly string[] = [
  'Patient?_has:Observation:patient:code=rare',
  'Patient?_has:Observation:patient:code=l7',
  'Patient?_has:Observation:patient:code=v1&gender=male',
  'Patient?_has:Observation:patient:code=l7,l8&_sort=birthdate',
  `Patient?_has:Condition:patient:code=${SCT}|1400`,
  'Patient?_has:Observation:patient:value-quantity=gt998',
  'Patient?_has:Group:member:_id=u7',
  'Practitioner?_has:Encounter:practitioner:date=2015-03-05',
  'Practitioner?_has:PractitionerRole:practitioner:organization=Organization/g7',
  'Observation?_has:Provenance:target:agent=Practitioner/d7',
  'Observation?_has:DiagnosticReport:result:code=24323-8&code=l7',
  'Encounter?_has:Observation:encounter:code=rare',
  'Patient?_has:Encounter:patient:_has:Observation:encounter:code=rare',
  'Patient?_has:Encounter:patient:location.name=ward 7',
  'Patient?_list=i7',
  'Patient?_list=i7&gender=male&_sort=family',
];

const filtered: readonly string[] = [
  `Observation?_filter=code eq ${LOINC}|l7 and value-quantity gt 900`,
  'Observation?_filter=(code eq l7 or code eq rare) and not (status eq final)',
  'Patient?_filter=name co "ber" or birthdate lt 1931',
  'Patient?_filter=family eq "kaber" and gender ne male',
  'Observation?_filter=subject:Patient.name sw "kaber" and code eq l7',
  'Patient?_filter=phone pr false',
];

const included: readonly string[] = [
  'Observation?_id=o7-1-6&_include=Observation:subject&_include=Observation:encounter',
  'Patient?_id=p7&_revinclude=Observation:subject',
  'Patient?name=ka&_revinclude=Encounter:subject',
  'Observation?code=l7&_include=Observation:subject&_revinclude=Provenance:target',
  'Encounter?date=2015-03-05&_include=Encounter:location:Location&_sort=-date',
  'Patient?_id=p7&_include=*',
  'Patient?_id=p7&_revinclude=*',
  'Observation?patient=p7&_include=Observation:*&_revinclude=*',
  'Location?_id=l299&_include:iterate=Location:partof',
  'Location?_id=l0&_revinclude:iterate=Location:partof',
  'DiagnosticReport?patient=p8&_include=DiagnosticReport:result' +
    '&_include:iterate=Observation:performer',
];

const ordered: readonly string[] = [
  'Observation?_sort=-_lastUpdated',
  'Observation?_sort=-date,_id',
  'Observation?date=2015-03&_sort=-date,_id',
  'Observation?_sort=-date',
  'Observation?_sort=date&status=amended',
  'Patient?_sort=birthdate',
  'Patient?_sort=family',
  'Patient?_sort=-family,birthdate',
  'Patient?_sort=gender,-birthdate,_id',
  'Patient?_sort=death-date',
  'Patient?_sort=-death-date,family',
  'Encounter?_sort=_id',
  'Observation?code=rare&_sort=value-quantity',
  'Condition?_sort=code',
  'Observation?_sort=_lastUpdated',
  'Observation?_sort=-_lastUpdated&status=amended',
  'Observation?_lastUpdated=gt2100',
  'Observation?_lastUpdated=ge2015&_sort=_lastUpdated',
  'DiagnosticReport?_sort=issued',
];

const acrossTypes: readonly string[] = [
  '*?_id=p7',
  '*?_lastUpdated=gt2100',
  '*?_sort=-_lastUpdated',
  'Patient,Encounter?',
  'Observation,Condition?code=1003',
  'Observation,Condition,Procedure?patient=p7',
  '*?_tag=urn:tag|none',
  'Patient,Encounter?_text=cause7',
];

export const shapes: readonly (readonly [kind: string, queries: readonly string[]])[] = [
  ['plain', plain],
  ['of a patient', ofPatient],
  ['by code', byCode],
  ['by text', byText],
  ['by value', byValue],
  ['negated', negated],
  ['chained', joined],
  ['_has and _list', reversed],
  ['_filter', filtered],
  ['with includes', included],
  ['in an order', ordered],
  ['over types', acrossTypes],
];
