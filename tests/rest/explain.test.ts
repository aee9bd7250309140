import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p1', name: [{ family: 'Silva' }] });
  const headers = { 'Content-Type': 'application/fhir+json' };
  await fetch(`${server.base}/Patient/p1`, { method: 'PUT', headers, body });
});
afterAll(() => server.stop());

interface Part {
  name: string;
  valueString?: string;
  valueDecimal?: number;
  resource?: { issue: { diagnostics: string }[] };
}

async function explain(query: string, headers = {}): Promise<Part[]> {
  const answer = await fetch(`${server.base}/${query}&_explain=true`, { headers });
  const { resourceType, parameter } = (await answer.json()) as {
    resourceType: string;
    parameter: Part[];
  };
  expect([answer.status, resourceType]).toEqual([200, 'Parameters']);
  return parameter;
}

const texts = (parts: Part[], name: string) =>
  parts.flatMap((part) => (part.name === name ? (part.valueString ?? []) : []));

describe('_explain=true', () => {
  it('tells the tree, the statement with its values, and the plan with its cost', async () => {
    const parts = await explain('Observation?patient.name=sil&code=a|b&_count=3');
    const terms = texts(parts, 'term').map((text) => JSON.parse(text) as { kind: string });
    expect(terms.map(({ kind }) => kind)).toEqual(['linked', 'words']);
    expect(texts(parts, 'applied')).toEqual(['patient.name=sil', 'code=a|b', '_count=3']);
    expect(texts(parts, 'way')).toEqual(['patient']);
    const [sql = ''] = texts(parts, 'sql');
    expect(sql).toMatch(/^select .* from /s);
    const bound = new Set(sql.match(/\$\d+/g));
    expect(new Set(parts.map(({ name }) => name).filter((name) => /^\$/.test(name)))).toEqual(
      bound,
    );
    const [plan = ''] = texts(parts, 'plan');
    const [{ Plan }] = JSON.parse(plan) as [{ Plan: Record<string, unknown> }];
    expect(Plan['Total Cost']).toBe(parts.find(({ name }) => name === 'cost')?.valueDecimal);
  });

  it('tells what was left out', async () => {
    const parts = await explain('Patient?name=sil&nothing=1', { Prefer: 'handling=lenient' });
    expect(texts(parts, 'asked')).toContain('nothing=1');
    expect(texts(parts, 'applied')).toEqual(['name=sil']);
    const ignored = parts.find(({ name }) => name === 'ignored')?.resource;
    expect(ignored?.issue[0]?.diagnostics).toContain('nothing');
  });

  it('tells what the search would be refused for, and the rest of the tree', async () => {
    const parts = await explain('Patient?nothing=1&name=sil&birthdate=soon&name:sideways=a');
    expect(texts(parts, 'applied')).toEqual(['name=sil']);
    expect(texts(parts, 'term')).toHaveLength(1);
    const rejected = parts.find(({ name }) => name === 'rejected')?.resource?.issue ?? [];
    const reasons = rejected.map(({ diagnostics }) => diagnostics);
    for (const name of ['nothing', 'birthdate', 'name:sideways']) {
      expect(reasons.filter((reason) => reason.includes(`"${name}"`))).toHaveLength(1);
    }
    const asked = await fetch(`${server.base}/Patient?nothing=1&_explain=false`);
    expect(asked.status).toBe(400);
  });

  it('is refused where no parameter of the search could be explained', async () => {
    for (const query of ['Patient?_explain=yes', 'Patient?_elements=x&_explain=true']) {
      expect((await fetch(`${server.base}/${query}`)).status).toBe(400);
    }
  });
});
