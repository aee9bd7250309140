import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Resource } from '../../server/fhir/types.ts';
import { type Answer, ask, type Json } from '../helpers/http.ts';
import { encoded, entries } from '../helpers/search.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/**
 * The case tables of `search/*.yaml` over HTTP; `search/README.md` explains their columns. What they
 * expect was worked out from the text of R4, not from what Kiln answers.
 */
interface Case {
  query: string;
  /** Anchor of https://hl7.org/fhir/R4/search.html. */
  section: string;
  expect?: string[];
  ordered?: boolean;
  included?: string[];
  error?: string | true;
  lenient?: boolean;
  size?: number;
  total?: number | null;
  next?: boolean;
  has?: string[];
  lacks?: string[];
  subsetted?: boolean;
  selfHas?: string[];
  selfLacks?: string[];
  why?: string;
}

const folder = new URL('./search/', import.meta.url);
const read = (name: string): unknown => parse(readFileSync(new URL(name, folder), 'utf8'));
const tables = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && name !== 'resources.yaml')
  .map((name): [string, Case[]] => [name, read(name) as Case[]]);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ fulltext: 'content' });
  const text = readFileSync(new URL('resources.yaml', folder), 'utf8');
  const resources = parse(text.replaceAll('BASE', server.base)) as Resource[];
  for (const resource of resources) {
    const url = `${resource.resourceType}/${resource.id}`;
    const stored = await ask(server.base, url, { method: 'PUT', body: resource });
    if (stored.status !== 201) throw new Error(`${url}: ${stored.text}`);
  }
});
afterAll(() => server.stop());

const typed = (list: Json[]): string[] =>
  list.map(({ resource }) => `${resource?.resourceType}/${resource?.id}`);

/** Ids of the matches, with their types where the case names types. */
function idsOf(answer: Answer, { expect: expected = [] }: Case): string[] {
  const names = typed(entries(answer, 'match'));
  const withType = expected.some((id) => id.includes('/'));
  return withType ? names : names.map((name) => name.replace(/.*\//, ''));
}

const sorted = (list: readonly string[]): string[] => [...list].sort();
const linkOf = ({ json }: Answer, relation: string): string | undefined => {
  const link = json.link?.find?.((one) => `${one.relation}` === relation);
  return link && decodeURIComponent(`${link.url}`);
};

function checkMatches(answer: Answer, one: Case): void {
  const found = idsOf(answer, one);
  if (one.expect && one.ordered) expect(found).toEqual(one.expect);
  else if (one.expect) expect(sorted(found)).toEqual(sorted(one.expect));
  if (one.size !== undefined) expect(found).toHaveLength(one.size);
  if (one.included) expect(sorted(typed(entries(answer, 'include')))).toEqual(sorted(one.included));
}

function checkBundle(answer: Answer, one: Case): void {
  if (one.total !== undefined) expect(answer.json.total ?? null).toBe(one.total);
  if (one.next !== undefined) expect(linkOf(answer, 'next') !== undefined).toBe(one.next);
  for (const part of one.selfHas ?? []) expect(linkOf(answer, 'self')).toContain(part);
  for (const part of one.selfLacks ?? []) expect(linkOf(answer, 'self')).not.toContain(part);
}

function checkContent(answer: Answer, one: Case): void {
  const resource = entries(answer, 'match')[0]?.resource;
  for (const name of one.has ?? []) expect(resource).toHaveProperty(name);
  for (const name of one.lacks ?? []) expect(resource).not.toHaveProperty(name);
  if (one.subsetted === undefined) return;
  const codes = resource?.meta?.tag?.map?.(({ code }) => `${code}`) ?? [];
  expect(codes.includes('SUBSETTED')).toBe(one.subsetted);
}

function checkRefusal({ status, json, text }: Answer, { error }: Case): void {
  expect(status, text).toBeGreaterThanOrEqual(400);
  expect(status, text).toBeLessThan(500);
  const said = json.issue?.map?.(({ diagnostics }) => `${diagnostics}`).join('; ') ?? '';
  expect(`${json.resourceType}`, text).toBe('OperationOutcome');
  expect(said).not.toBe('');
  if (typeof error === 'string') expect(said).toContain(error);
}

describe.each(tables)('%s', (_name, cases) => {
  it.each(cases.map((one) => [one.section, one.query, one] as const))(
    '#%s: %s',
    async (_section, query, one) => {
      const headers = { Prefer: `handling=${one.lenient ? 'lenient' : 'strict'}` };
      const answer = await ask(server.base, encoded(query, server.base), { headers });
      if (one.error !== undefined) return checkRefusal(answer, one);
      expect(answer.status, answer.text).toBe(200);
      checkMatches(answer, one);
      checkBundle(answer, one);
      checkContent(answer, one);
    },
  );
});

it('has at least 400 cases, each with a section and an expectation', () => {
  const cases = tables.flatMap(([, list]) => list);
  expect(cases.length).toBeGreaterThanOrEqual(400);
  const bare = cases.filter((one) => !(one.section && (one.expect || one.error || 'size' in one)));
  expect(bare).toEqual([]);
});
