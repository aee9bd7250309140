import { after, type Visit } from './clinical.ts';
import { procedures, SNOMED, TERMINOLOGY } from './codes.ts';
import { concept, type Resource } from './people.ts';
import type { Random } from './random.ts';

/** Claim and ExplanationOfBenefit: the large resources of a record, about 14 kB each. */

const usd = (random: Random): unknown => ({
  value: random.int(1000, 99_999) / 100,
  currency: 'USD',
});

const insurer = { display: 'Bench Mutual Insurance' };

const head = (visit: Visit): Record<string, unknown> => ({
  status: 'active',
  type: concept(`${TERMINOLOGY}/claim-type`, 'professional', 'Professional'),
  use: 'claim',
  patient: visit.subject,
  billablePeriod: { start: after(visit, 0), end: after(visit, 30) },
  created: after(visit, 40),
  provider: visit.hospital,
  priority: concept(`${TERMINOLOGY}/processpriority`, 'normal', 'Normal'),
});

function item(visit: Visit, sequence: number): Record<string, unknown> {
  const [code, display] = visit.random.pick(procedures);
  return {
    sequence,
    productOrService: concept(SNOMED, code, display),
    servicedPeriod: { start: after(visit, sequence), end: after(visit, sequence + 10) },
    locationCodeableConcept: concept(
      `${TERMINOLOGY}/ex-serviceplace`,
      '19',
      'Off Campus-Outpatient Hospital',
    ),
    quantity: { value: visit.random.int(1, 4) },
    unitPrice: usd(visit.random),
    net: usd(visit.random),
    encounter: [visit.encounter],
  };
}

const insurance = { focal: true, coverage: { display: insurer.display } };

const items = (visit: Visit, count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, at) => item(visit, at + 1));

export const claim = (visit: Visit): Resource => ({
  resourceType: 'Claim',
  ...head(visit),
  insurance: [{ sequence: 1, ...insurance }],
  item: items(visit, visit.random.int(16, 24)),
  total: usd(visit.random),
});

const adjudications = [
  ['https://bluebutton.cms.gov/resources/variables/line_coinsrnc_amt', 'Coinsurance Amount'],
  ['https://bluebutton.cms.gov/resources/variables/line_prvdr_pmt_amt', 'Provider Payment Amount'],
  ['https://bluebutton.cms.gov/resources/variables/line_sbmtd_chrg_amt', 'Submitted Charge Amount'],
  ['https://bluebutton.cms.gov/resources/variables/line_alowd_chrg_amt', 'Allowed Charge Amount'],
  ['https://bluebutton.cms.gov/resources/variables/line_bene_ptb_ddctbl_amt', 'Deductible Amount'],
] as const;

const adjudicated = (visit: Visit, sequence: number): Record<string, unknown> => ({
  ...item(visit, sequence),
  adjudication: adjudications.map(([code, display]) => ({
    category: concept(
      'https://bluebutton.cms.gov/resources/codesystem/adjudication',
      code,
      display,
    ),
    amount: usd(visit.random),
  })),
});

/** `claim` is the reference of the Claim it answers, `urn:uuid:..`. */
export const explanationOfBenefit = (visit: Visit, claim: string): Resource => ({
  resourceType: 'ExplanationOfBenefit',
  identifier: [{ system: 'https://hospital.example/eob', value: visit.random.uuid() }],
  ...head(visit),
  insurer,
  insurance: [insurance],
  claim: { reference: claim },
  outcome: 'complete',
  disposition: 'Claim settled as per contract.',
  careTeam: [{ sequence: 1, provider: visit.doctor }],
  item: Array.from({ length: visit.random.int(5, 7) }, (_, at) => adjudicated(visit, at + 1)),
  total: [
    {
      category: concept(`${TERMINOLOGY}/adjudication`, 'submitted', 'Submitted Amount'),
      amount: usd(visit.random),
    },
  ],
  payment: { amount: usd(visit.random) },
});
