import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { ask } from '../helpers/http.ts';
import { CRITERION, type Ledger, markOf } from './ledger.ts';

export interface Audit {
  /** What is not as clients were told, a sentence each. */
  readonly faults: string[];
  /** Versions in the database. */
  readonly versions: number;
  /** Writes that are there though nobody was told: allowed, since the answer got lost. */
  readonly unacknowledged: number;
}

/** Every version of every resource, by `Type/id`, the oldest first. */
type Histories = ReadonlyMap<string, Resource[]>;

/** Holds all that is in the database against what clients were told. */
export async function audit(base: string, ledger: Ledger): Promise<Audit> {
  const histories = await everyVersion(base);
  const marks = new Map<string, number>();
  for (const version of [...histories.values()].flat()) {
    const mark = String(markOf(version));
    marks.set(mark, (marks.get(mark) ?? 0) + 1);
  }
  return {
    versions: [...histories.values()].flat().length,
    unacknowledged: [...marks.values()].length - ledger.acknowledged.length,
    faults: [
      ...gaps(histories),
      ...doubles(marks),
      ...losses(histories, ledger),
      ...halves(marks, ledger),
      ...twins(histories, ledger),
      ...(await unfound(base, histories)),
      ...(await unread(base, histories, ledger)),
    ],
  };
}

async function everyVersion(base: string): Promise<Histories> {
  const histories = new Map<string, Resource[]>();
  for (const resource of await pages(base, '_history?_count=1000')) {
    const name = `${resource.resourceType}/${resource.id}`;
    const versions = histories.get(name);
    if (versions) versions.unshift(resource);
    else histories.set(name, [resource]);
  }
  return histories;
}

interface Page {
  readonly entry?: { readonly resource: Resource }[];
  readonly link?: { readonly relation: string; readonly url: string }[];
}

/** The resources of all pages of a bundle. */
async function pages(base: string, first: string): Promise<Resource[]> {
  const resources: Resource[] = [];
  for (let url: string | undefined = first; url !== undefined; ) {
    const { status, json, text } = await ask(base, url);
    if (status !== 200) throw new Error(`${url}: ${status} ${text}`);
    const { entry = [], link = [] } = json as unknown as Page;
    resources.push(...entry.map(({ resource }) => resource));
    url = link.find(({ relation }) => relation === 'next')?.url;
  }
  return resources;
}

const numberOf = (resource: Resource): number =>
  Number((resource.meta as JsonObject | undefined)?.versionId);

/** Histories are 1, 2, 3 .. without holes or repetitions. */
const gaps = (histories: Histories): string[] =>
  [...histories]
    .filter(([, versions]) => versions.some((version, at) => numberOf(version) !== at + 1))
    .map(([name, versions]) => `${name} has the versions ${versions.map(numberOf)}`);

const doubles = (marks: ReadonlyMap<string, number>): string[] =>
  [...marks].filter(([, count]) => count > 1).map(([mark, n]) => `${mark} is there ${n} times`);

function losses(histories: Histories, { acknowledged }: Ledger): string[] {
  return acknowledged.flatMap(({ name, version, mark, content }) => {
    const stored = histories.get(name)?.[version - 1];
    if (!stored) return [`${name} version ${version} (${mark}) is lost`];
    const same = isDeepStrictEqual(bare(stored), bare(content));
    return same ? [] : [`${name} version ${version} is ${JSON.stringify(stored)}, not ${mark}`];
  });
}

/** A resource as its sender wrote it. */
const bare = ({ id: _id, meta: _meta, ...content }: Resource): JsonObject => content;

function halves(marks: ReadonlyMap<string, number>, { transactions }: Ledger): string[] {
  return transactions.flatMap(({ marks: all, acknowledged }) => {
    const there = all.filter((mark) => marks.has(mark)).length;
    const whole = there === all.length || (there === 0 && !acknowledged);
    return whole ? [] : [`transaction ${all[0]}: ${there} of ${all.length} writes are there`];
  });
}

/** A criterion has one resource, and everybody was told of that one. */
function twins(histories: Histories, { criteria }: Ledger): string[] {
  const found = new Map<string, string[]>();
  for (const [name, [resource]] of histories) {
    const criterion = resource && markOf(resource, CRITERION);
    if (criterion !== undefined) found.set(criterion, [...(found.get(criterion) ?? []), name]);
  }
  const several = [...found].filter(([, names]) => names.length > 1);
  const untrue = [...criteria].filter(
    ([criterion, told]) => !isDeepStrictEqual([...told], found.get(criterion)),
  );
  return [
    ...several.map(([criterion, names]) => `${criterion} has ${names}`),
    ...untrue.map(
      ([criterion, told]) => `${criterion}: told ${[...told]}, is ${found.get(criterion)}`,
    ),
  ];
}

/** Searches find each resource once: the index tables agree with the content. */
async function unfound(base: string, histories: Histories): Promise<string[]> {
  const faults: string[] = [];
  for (const type of ['Patient', 'Observation', 'Encounter']) {
    const found = (await pages(base, `${type}?_count=1000`)).map(({ id }) => `${type}/${id}`);
    const expected = [...histories.keys()].filter((name) => name.startsWith(`${type}/`));
    const there = new Set(found);
    const missing = expected.filter((name) => !there.has(name));
    faults.push(...missing.map((name) => `a search for ${type} does not find ${name}`));
    if (found.length > expected.length) faults.push(`a search for ${type} finds too many`);
  }
  return faults;
}

const SAMPLE = 200;

/** The last acknowledged ones by read and by identifier. */
async function unread(base: string, histories: Histories, ledger: Ledger): Promise<string[]> {
  const names = new Set(ledger.acknowledged.slice(-SAMPLE).map(({ name }) => name));
  const checks = [...names].map(async (name) => {
    const current = histories.get(name)?.at(-1);
    const { json } = await ask(base, name);
    if (!current || !isDeepStrictEqual(json, current)) {
      return [`${name} reads as ${JSON.stringify(json)}`];
    }
    const found = await ask(base, `${current.resourceType}?identifier=${markOf(current)}`);
    return found.json.entry?.length === 1 ? [] : [`${name} is not found by its identifier`];
  });
  return (await Promise.all(checks)).flat();
}
