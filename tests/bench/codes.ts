/** Codes that the generated records are made of, with plausible ranges of values. */

export const LOINC = 'http://loinc.org';
export const SNOMED = 'http://snomed.info/sct';
export const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
export const CVX = 'http://hl7.org/fhir/sid/cvx';
export const UCUM = 'http://unitsofmeasure.org';
export const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';

/** Code, display, unit, lowest and highest value. */
export type Measure = readonly [string, string, string, number, number];
/** Code, display. */
export type Term = readonly [string, string];

export const vitalSigns: readonly Measure[] = [
  ['8302-2', 'Body height', 'cm', 148, 198],
  ['29463-7', 'Body weight', 'kg', 46, 128],
  ['39156-5', 'Body mass index (BMI) [Ratio]', 'kg/m2', 18, 39],
  ['8867-4', 'Heart rate', '/min', 52, 108],
  ['9279-1', 'Respiratory rate', '/min', 11, 22],
  ['8310-5', 'Body temperature', 'Cel', 36, 39],
  ['2708-6', 'Oxygen saturation in Arterial blood', '%', 88, 100],
];

export const laboratory: readonly Measure[] = [
  ['2339-0', 'Glucose [Mass/volume] in Blood', 'mg/dL', 64, 180],
  ['6299-2', 'Urea nitrogen [Mass/volume] in Blood', 'mg/dL', 6, 24],
  ['38483-4', 'Creatinine [Mass/volume] in Blood', 'mg/dL', 0.5, 3],
  ['49765-1', 'Calcium [Mass/volume] in Blood', 'mg/dL', 8, 11],
  ['2947-0', 'Sodium [Moles/volume] in Blood', 'mmol/L', 134, 146],
  ['6298-4', 'Potassium [Moles/volume] in Blood', 'mmol/L', 3.4, 5.4],
  ['2069-3', 'Chloride [Moles/volume] in Blood', 'mmol/L', 98, 112],
  ['20565-8', 'Carbon dioxide, total [Moles/volume] in Blood', 'mmol/L', 19, 31],
  ['2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma', 'mg/dL', 130, 290],
  ['2571-8', 'Triglyceride [Mass/volume] in Serum or Plasma', 'mg/dL', 70, 320],
  ['2085-9', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma', 'mg/dL', 28, 82],
  ['6690-2', 'Leukocytes [#/volume] in Blood by Automated count', '10*3/uL', 3, 12],
  ['789-8', 'Erythrocytes [#/volume] in Blood by Automated count', '10*6/uL', 3.6, 6],
  ['718-7', 'Hemoglobin [Mass/volume] in Blood', 'g/dL', 10, 18],
  ['4544-3', 'Hematocrit [Volume Fraction] of Blood by Automated count', '%', 32, 52],
  ['787-2', 'MCV [Entitic volume] by Automated count', 'fL', 78, 101],
  ['777-3', 'Platelets [#/volume] in Blood by Automated count', '10*3/uL', 140, 460],
  ['1742-6', 'Alanine aminotransferase [Enzymatic activity/volume]', 'U/L', 7, 68],
  ['1920-8', 'Aspartate aminotransferase [Enzymatic activity/volume]', 'U/L', 8, 54],
  ['1975-2', 'Bilirubin.total [Mass/volume] in Serum or Plasma', 'mg/dL', 0.1, 2],
];

/** Only of patients with diabetes: what `_has` and rare codes are tried on. */
export const diabetic: readonly Measure[] = [
  ['4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood', '%', 5.4, 11],
  ['14959-1', 'Microalbumin/Creatinine [Mass Ratio] in Urine', 'mg/g', 2, 420],
];

export const conditions: readonly Term[] = [
  ['44054006', 'Diabetes mellitus type 2 (disorder)'],
  ['38341003', 'Hypertensive disorder, systemic arterial (disorder)'],
  ['55822004', 'Hyperlipidemia (disorder)'],
  ['195967001', 'Asthma (disorder)'],
  ['10509002', 'Acute bronchitis (disorder)'],
  ['195662009', 'Acute viral pharyngitis (disorder)'],
  ['444814009', 'Viral sinusitis (disorder)'],
  ['271737000', 'Anemia (disorder)'],
  ['396275006', 'Osteoarthritis (disorder)'],
  ['35489007', 'Depressive disorder (disorder)'],
];

export const procedures: readonly Term[] = [
  ['430193006', 'Medication reconciliation (procedure)'],
  ['171207006', 'Depression screening (procedure)'],
  ['710824005', 'Assessment of health and social care needs (procedure)'],
  ['399208008', 'Plain chest X-ray (procedure)'],
  ['23426006', 'Measurement of respiratory function (procedure)'],
  ['29303009', 'Electrocardiographic procedure (procedure)'],
];

export const drugs: readonly Term[] = [
  ['860975', 'metformin hydrochloride 500 MG Extended Release Oral Tablet'],
  ['314076', 'lisinopril 10 MG Oral Tablet'],
  ['312961', 'simvastatin 20 MG Oral Tablet'],
  ['310798', 'hydrochlorothiazide 25 MG Oral Tablet'],
  ['308192', 'amoxicillin 500 MG Oral Tablet'],
  ['313782', 'acetaminophen 325 MG Oral Tablet'],
];

export const vaccines: readonly Term[] = [
  ['140', 'Influenza, seasonal, injectable, preservative free'],
  ['113', 'Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed'],
  ['33', 'pneumococcal polysaccharide vaccine, 23 valent'],
];

export const visits: readonly Term[] = [
  ['162673000', 'General examination of patient (procedure)'],
  ['185345009', 'Encounter for symptom (procedure)'],
  ['390906007', 'Follow-up encounter (procedure)'],
  ['185347001', 'Encounter for problem (procedure)'],
];
