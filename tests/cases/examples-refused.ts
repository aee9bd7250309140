/**
 * The files of hl7.fhir.r4.examples that validation refuses: [file, rule or element in the issue, why
 * the file is really wrong]. Everything else in the package has to pass.
 */
export const refused: readonly [file: string, rule: string, why: string][] = [
  // Narrative
  ['ActivityDefinition-blood-tubes-supply', 'txt-2', 'the narrative is an empty <div>'],
  ['ActivityDefinition-heart-valve-replacement', 'txt-2', 'the narrative is an empty <div>'],
  ['EventDefinition-example', 'txt-2', 'the narrative is an empty <div>'],
  ['Questionnaire-zika-virus-exposure-assessment', 'txt-2', 'the narrative is an empty <div>'],
  [
    'Media-1.2.840.11361907579238403408700.3.1.04.19970327150033',
    'an image from elsewhere',
    'house rule, stricter than txt-1: the narrative loads an image from imaging.acme.com',
  ],
  // Reference targets (ElementDefinition.type.targetProfile)
  ['DeviceMetric-example', 'DeviceMetric.parent', 'parent is a DeviceDefinition; R4 has Device only'],
  ['DeviceUseStatement-example', 'reasonReference', 'R4 does not allow a Procedure as the reason'],
  ['MedicationRequest-medrx0301', 'performer', 'R4 allows an Organization only as the dispenser'],
  ['Observation-clinical-gender', 'performer', 'R4 does not allow an Encounter as the performer'],
  // Cardinality
  ['Questionnaire-qs1', 'linkId', 'items without linkId (1..1)'],
  ['ImplementationGuide-fhir', 'ImplementationGuide.status', 'no name and no status (1..1)'],
  ['ig-r4', 'ImplementationGuide.status', 'the same resource under a second file name'],
  ['SearchParameter-codesystem-extensions-CodeSystem-author', 'base', 'no base (1..*)'],
  ['SearchParameter-codesystem-extensions-CodeSystem-effective', 'base', 'no base (1..*)'],
  ['SearchParameter-codesystem-extensions-CodeSystem-end', 'base', 'no base (1..*)'],
  ['SearchParameter-codesystem-extensions-CodeSystem-keyword', 'base', 'no base (1..*)'],
  ['SearchParameter-codesystem-extensions-CodeSystem-workflow', 'base', 'no base (1..*)'],
  ['SearchParameter-valueset-extensions-ValueSet-author', 'base', 'no base (1..*)'],
  ['SearchParameter-valueset-extensions-ValueSet-effective', 'base', 'no base (1..*)'],
  ['SearchParameter-valueset-extensions-ValueSet-end', 'base', 'no base (1..*)'],
  ['SearchParameter-valueset-extensions-ValueSet-keyword', 'base', 'no base (1..*)'],
  ['SearchParameter-valueset-extensions-ValueSet-workflow', 'base', 'no base (1..*)'],
  // Values
  [
    'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject',
    'SearchParameter.id',
    'the id has 67 characters, R4 allows 64',
  ],
  // Invariants
  ['Bundle-dataelements', 'bdl-7', 'de-Quantity.value and others stand three times with one fullUrl'],
  ['StructureDefinition-Definition', 'sdf-4', 'abstract is false and there is no baseDefinition'],
  ['StructureDefinition-Event', 'sdf-4', 'abstract is false and there is no baseDefinition'],
  ['StructureDefinition-FiveWs', 'sdf-4', 'abstract is false and there is no baseDefinition'],
  ['StructureDefinition-Request', 'sdf-4', 'abstract is false and there is no baseDefinition'],
];
