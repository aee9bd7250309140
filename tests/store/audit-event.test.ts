import { describe, expect, it } from 'vitest';
import {
  type Agent,
  type AuditRow,
  idOf,
  KINDS,
  type Kind,
  type Outcome,
} from '../../server/audit/audit.ts';
import { stringify } from '../../server/fhir/json.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';
import { toAuditEvent } from '../../server/store/audit-event.ts';
import { definitions } from '../helpers/store.ts';

const SETTINGS = { base: 'https://kiln.example.org/fhir' };
const AT = Date.UTC(2026, 10, 23, 1, 2, 3, 456);
const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

const house = { id: 'u-house', name: 'Gregory House', fhirUser: 'Practitioner/house' };
const app = { id: 'growth-chart', name: 'Growth chart' };
const lab = { id: 'lab', name: 'Laboratory', fhirUser: 'Device/lab' };
const agents: Record<string, Agent> = {
  'a user at an app': {
    ...{ kind: 'user', user: house, client: app, address: '10.0.0.7', grant: 'g1' },
  },
  'a user in an emergency': { kind: 'user', user: house, client: app, grant: 'g2', purpose: 'BTG' },
  'a user at a browser': { kind: 'user', user: house, address: '2001:db8::1' },
  'a user who is a Person': {
    ...{ kind: 'user', user: { id: 'p', name: ' ', fhirUser: 'Person/p' }, client: app },
  },
  'a system': { kind: 'client', client: lab, address: '10.0.0.8', grant: 'g3' },
  nobody: { kind: 'anonymous', address: '10.0.0.9' },
  'Kiln itself': { kind: 'system' },
};

const row = (kind: Kind, changes: Partial<AuditRow> = {}): AuditRow => ({
  ...{ at: AT, seq: '12345', kind, outcome: 0, patients: [] },
  agent: agents['a user at an app'] as Agent,
  ...changes,
});
const eventOf = (kind: Kind, changes: Partial<AuditRow> = {}): Resource =>
  toAuditEvent(row(kind, changes), SETTINGS);

const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => kind !== 'foreign');
const outcomes: readonly Outcome[] = [0, 4, 8, 12];

/** What rows of any kind may hold, however strange. */
const shapes: Record<string, Partial<AuditRow>> = {
  'that says nothing': {},
  'about a type': { about: { type: 'Observation' }, detail: { query: 'Observation?code=1' } },
  'about one version of one patient': {
    ...{ about: { type: 'Observation', id: 'o1', version: 3 }, patients: ['Patient/p1'] },
    request: 'req-1',
  },
  'about several patients, one of them gone': {
    patients: ['Patient/p1', undefined, 'Patient/p2'],
    detail: { query: 'Observation?_count=9' },
  },
  'about what has no id that could be': {
    about: { type: 'Patient', id: ' \u0000<script>' },
    detail: { status: 404, text: 'Nothing has this id.', query: 'Patient/%00' },
  },
  'with details': {
    ...{ request: '\u0007 ' },
    detail: {
      count: 7,
      pairs: [
        ['user', 'u1'],
        [' ', 'x'],
        ['empty', ''],
      ],
      text: '\ud800 half',
    },
  },
};

describe('an AuditEvent', () => {
  const validator = createValidator(definitions);

  it.each(kinds)('of the kind %s is valid R4, whatever the row holds', (kind) => {
    const faults: unknown[] = [];
    for (const outcome of outcomes) {
      for (const [who, agent] of Object.entries(agents)) {
        for (const [what, shape] of Object.entries(shapes)) {
          const event = JSON.parse(stringify(eventOf(kind, { ...shape, agent, outcome })));
          const issues = validator.validate(event);
          if (issues.length > 0) faults.push([outcome, who, what, issues]);
        }
      }
    }
    expect(faults).toEqual([]);
  });

  it('is the same text each time, with the time of the event and one version', () => {
    const event = eventOf('read', shapes['about one version of one patient']);
    expect(event).toMatchObject({
      ...{ id: idOf('12345'), recorded: '2026-11-23T01:02:03.456Z', outcome: '0' },
      meta: { versionId: '1', lastUpdated: '2026-11-23T01:02:03.456Z' },
    });
    expect(stringify(eventOf('read', shapes['about one version of one patient']))).toBe(
      stringify(event),
    );
  });

  it('that others made is as they sent it', () => {
    const content = '{"resourceType":"AuditEvent","id":"x","outcome":"8"}';
    expect(stringify(eventOf('foreign', { content }))).toBe(content);
  });
});

const profilesOf = ({ meta }: Resource): string[] =>
  (((meta as JsonObject)['profile'] ?? []) as string[]).map((url) => url.replace(BALP, ''));

describe('the BALP profile', () => {
  const ofOne = { about: { type: 'Observation', id: 'o1', version: 1 }, patients: ['Patient/p1'] };
  const ofNone = { about: { type: 'Medication', id: 'm1', version: 1 } };
  const query = { about: { type: 'Observation' }, detail: { query: 'Observation?code=x' } };

  it.each<[Kind, Partial<AuditRow>, string | undefined]>([
    ['create', ofOne, 'PatientCreate'],
    ['create', ofNone, 'Create'],
    ['update', ofOne, 'PatientUpdate'],
    ['patch', ofOne, 'PatientUpdate'],
    ['patch', ofNone, 'Update'],
    ['delete', ofOne, 'PatientDelete'],
    ['delete', ofNone, 'Delete'],
    ['read', ofOne, 'PatientRead'],
    ['vread', ofOne, 'PatientRead'],
    ['read', ofNone, 'Read'],
    ['read', { about: { type: 'Patient', id: 'p1' }, patients: [undefined] }, 'PatientRead'],
    ['search', query, 'Query'],
    ['search', { ...query, patients: ['Patient/p1'] }, 'PatientQuery'],
    ['search', { ...query, patients: ['Patient/p1', 'Patient/p2'] }, 'Query'],
    ['search', { ...query, patients: [undefined] }, 'Query'],
    ['export', { patients: ['Patient/p1'] }, 'PrivacyDisclosure.Source'],
    ['export', {}, undefined],
    ['history', ofOne, undefined],
    ['login', {}, undefined],
    ['read', { ...ofOne, outcome: 4 }, undefined],
    ['search', { ...query, outcome: 8 }, undefined],
  ])('of %s %o is %s', (kind, changes, profile) => {
    const token = 'OAUTHaccessTokenUse.Comprehensive';
    expect(profilesOf(eventOf(kind, changes))).toEqual([...(profile ? [profile] : []), token]);
    const event = eventOf(kind, { ...changes, agent: agents['nobody'] as Agent });
    expect(profilesOf(event)).toEqual(profile ? [profile] : []);
  });
});

describe('the codes', () => {
  const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
  it.each<[Kind, Partial<AuditRow>, [type: string, subtype: string, action: string]]>([
    ['create', {}, ['rest', 'create', 'C']],
    ['history', {}, ['rest', 'history-system', 'R']],
    ['history', { about: { type: 'Patient' } }, ['rest', 'history-type', 'R']],
    ['history', { about: { type: 'Patient', id: '1' } }, ['rest', 'history-instance', 'R']],
    ['search', {}, ['rest', 'search-system', 'E']],
    ['search', { about: { type: 'Patient' } }, ['rest', 'search-type', 'E']],
    ['everything', {}, ['rest', 'operation everything', 'E']],
    ['transaction', {}, ['rest', 'transaction', 'E']],
    ['request', {}, ['rest', '', 'E']],
    ['login', {}, ['110114', '110122', 'E']],
    ['logout', {}, ['110114', '110123', 'E']],
    ['token', {}, ['110114', 'ITI-71', 'E']],
    ['breakGlass', {}, ['110113', '110127', 'E']],
    ['administration', {}, ['110113', '110129', 'U']],
    ['export', {}, ['110106', 'disclose', 'R']],
  ])('of %s %o', (kind, changes, [type, subtype, action]) => {
    const event = eventOf(kind, changes);
    const subtypes = ((event['subtype'] ?? []) as JsonObject[]).map(({ code }) => code);
    expect(event).toMatchObject({ type: { code: type }, action });
    expect(subtypes.join(' ')).toBe(subtype);
    if (/^\d/.test(type)) expect(event).toMatchObject({ type: { system: DCM } });
  });
});

/** Codes of the type, who it is, and the rest in short. */
function agentsIn(event: Resource): unknown[] {
  return (event['agent'] as JsonObject[]).map((agent) => {
    const { type, who, requestor, policy, network } = agent as Record<string, JsonObject>;
    const codes = ((type as JsonObject)['coding'] as JsonObject[]).map(({ code }) => code);
    const { reference, identifier, display } = who as JsonObject;
    const named = reference ?? (identifier as JsonObject | undefined)?.['value'] ?? display;
    return [codes.join(' '), named, requestor, policy?.[0], network?.['address']];
  });
}

describe('the agents', () => {
  const { base } = SETTINGS;
  const jti = (grant: string) => `urn:ietf:params:oauth:jti:${grant}`;

  it('of a read get the data from the server', () => {
    expect(agentsIn(eventOf('read'))).toEqual([
      ['110152 110150', 'growth-chart', false, undefined, '10.0.0.7'],
      ['110153', base, false, undefined, base],
      ['IRCP', 'Practitioner/house', true, jti('g1'), undefined],
    ]);
  });

  it('of a write send them to the server', () => {
    const agent = agents['a user at a browser'] as Agent;
    expect(agentsIn(eventOf('create', { agent }))).toEqual([
      ['110153', 'a browser', false, undefined, '2001:db8::1'],
      ['110152', base, false, undefined, base],
      ['AUT', 'Practitioner/house', true, undefined, undefined],
    ]);
  });

  it('of a delete are an application and a custodian', () => {
    const agent = agents['a system'] as Agent;
    expect(agentsIn(eventOf('delete', { agent }))).toEqual([
      ['110150', 'Device/lab', true, jti('g3'), '10.0.0.8'],
      ['custodian', base, false, undefined, base],
    ]);
  });

  it('of a login are a user and the authorization server', () => {
    const agent = agents['a user who is a Person'] as Agent;
    expect(agentsIn(eventOf('login', { agent })).map((one) => (one as unknown[])[1])).toEqual([
      ...['growth-chart', base, 'p'],
    ]);
  });

  it('name the purpose of an emergency twice: of the event and of the user', () => {
    const event = eventOf('breakGlass', { agent: agents['a user in an emergency'] as Agent });
    const purpose = [{ coding: [{ code: 'BTG' }] }];
    expect(event).toMatchObject({
      purposeOfEvent: purpose,
      agent: [{}, {}, { purposeOfUse: purpose, name: 'Gregory House', altId: 'u-house' }],
    });
  });

  it('end with a server that is the observer too', () => {
    const { agent, source } = eventOf('export') as unknown as {
      agent: { who: unknown }[];
      source: { observer: unknown; site: string };
    };
    expect(source.observer).toEqual(agent[1]?.who);
    expect(source.site).toBe('kiln.example.org');
  });
});

describe('the entities', () => {
  const entitiesIn = (event: Resource): unknown[] => (event['entity'] ?? []) as unknown[];
  const query = 'Observation?code=http://loinc.org|1-8';
  const base64 = Buffer.from(query).toString('base64');
  const patient = (reference: string) => ({
    ...{ what: { reference }, type: { code: '1' }, role: { code: '1' } },
  });

  it('of a read are the patient, the version that was read, and the request', () => {
    const entities = entitiesIn(eventOf('read', shapes['about one version of one patient']));
    expect(entities).toMatchObject([
      patient('Patient/p1'),
      {
        what: { reference: 'Observation/o1/_history/3' },
        type: { code: '2' },
        role: { code: '4' },
      },
      { what: { identifier: { value: 'req-1' } }, type: { code: 'XrequestId' } },
    ]);
    expect(entities).toHaveLength(3);
  });

  it('of a search are all patients and the query', () => {
    const entities = entitiesIn(
      eventOf('search', {
        ...{ about: { type: 'Observation' }, patients: ['Patient/p1', 'Patient/p2'] },
        detail: { query },
      }),
    );
    expect(entities).toMatchObject([
      patient('Patient/p1'),
      patient('Patient/p2'),
      { type: { code: '2' }, role: { code: '24' }, description: query, query: base64 },
    ]);
    expect(entities).toHaveLength(3);
  });

  it('of what was refused say why', () => {
    const event = eventOf('read', {
      ...{ outcome: 4, about: { type: 'Patient', id: 'p9' } },
      detail: { query: 'Patient/p9', status: 403, text: 'You may not read Patient.' },
    });
    expect(event).toMatchObject({ outcome: '4', outcomeDesc: 'You may not read Patient.' });
    expect(entitiesIn(event)).toMatchObject([
      { what: { reference: 'Patient/p9' }, type: { code: '2' } },
      { type: { code: '4' }, role: { code: '24' }, description: 'Patient/p9' },
      { detail: [{ type: 'status', valueString: '403' }] },
    ]);
  });
});
