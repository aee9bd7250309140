import { loadSql } from '../db/db.ts';
import type { Extracted } from '../fhir/extract-shape.ts';
import { contentWords, narrativeWords } from '../fhir/fulltext.ts';
import type { Term } from '../fhir/query.ts';
import { foldString } from '../fhir/terms.ts';
import type { Resource } from '../fhir/types.ts';
import { fitting } from './access-check.ts';
import {
  datesFit,
  exactFits,
  momentFits,
  nearFits,
  numbersFit,
  pairFits,
  stringsFit,
  textsFit,
} from './access-fits-values.ts';
import type { Context, Run } from './context.ts';
import { canonicalCode } from './search-canonical.ts';
import { resolveTerm } from './search-resolve.ts';

/** Whether versions without rows of their own (one to be written, one superseded) fit. */

const wordsFitSql = loadSql(import.meta.url, 'words-fit.sql');

/** With what a version is judged: its content, and what is stored of the resources around it. */
export interface Looks {
  context: Context;
  run: Run;
  /** What the same commit writes, by `Type/id`: it counts in place of what is stored. */
  written?: ReadonlyMap<string, Resource>;
  /** Answers so far: the versions of a history refer to the same resources. */
  known?: Map<string, Promise<boolean>>;
}

/**
 * Whether a version fits, by what the index would hold of it; what it refers to (chains), and what
 * refers to it (`_has`), is judged as it stands now. Undefined where that does not tell: callers take
 * it for a no.
 */
export async function fitsContent(
  looks: Looks,
  resource: Resource,
  term: Term,
): Promise<boolean | undefined> {
  return fits(looks, contentOf(looks.context, resource), term);
}

/** A version with what the index would hold of it. */
export interface Content {
  resource: Resource;
  found: Extracted;
}

export const contentOf = ({ extractor }: Context, resource: Resource): Content => ({
  resource,
  found: extractor.extract(resource),
});

type Verdict = boolean | undefined;
type OfKind<Kind extends Term['kind']> = Extract<Term, { kind: Kind }>;
type Chain = OfKind<'chain'>;
type Has = OfKind<'has'>;
type About = OfKind<'about'>;
type References = OfKind<'references'>;

/** The same, of what is judged by several terms. */
export async function fits(looks: Looks, content: Content, term: Term): Promise<Verdict> {
  const { resource, found } = content;
  switch (term.kind) {
    case 'id': {
      const ofType = term.type === undefined || term.type === resource.resourceType;
      return ofType && typeof resource.id === 'string' && term.ids.includes(resource.id);
    }
    case 'words':
      return term.words.some((word) => found.tokens.includes(word));
    case 'present':
      return (
        term.type === resource.resourceType && term.codes.some((one) => found.present.includes(one))
      );
    case 'references':
      return refers(found, term);
    case 'any':
      return anyOf(term.terms, (one) => fits(looks, content, one));
    case 'all':
      return not(await anyOf(term.terms, async (one) => not(await fits(looks, content, one))));
    case 'not':
      return not(await fits(looks, content, term.term));
    case 'typed': {
      const own = term.of.filter(({ types }) => types.includes(resource.resourceType));
      return anyOf(own, async ({ term: inner }) => (inner ? fits(looks, content, inner) : true));
    }
    case 'codes':
    case 'hierarchy':
      return fits(looks, content, await resolveTerm(looks.context, looks.run, term));
    case 'chain':
      return fitsChain(looks, content, term);
    case 'about':
      return fitsAbout(looks, content, term);
    case 'has':
      return fitsHas(looks, resource, term);
    case 'lastUpdated':
      return fitsMoment(looks, resource, term);
    case 'fulltext':
      return fitsText(looks, resource, term);
    case 'hashed':
    case 'linked':
    case 'rows':
      return term.of ? fits(looks, content, term.of) : undefined;
    default:
      return fitsValues(found, term);
  }
}

/** What the index alone tells. */
function fitsValues(found: Extracted, term: Term): Verdict {
  switch (term.kind) {
    case 'date':
      return datesFit(found, term);
    case 'string':
      return stringsFit(found, term);
    case 'exact':
      return exactFits(found, term);
    case 'texts':
      return textsFit(found, term);
    case 'number':
      return numbersFit(found, term);
    case 'pair':
      return pairFits(found, term);
    case 'near':
      return nearFits(found, term);
    default:
      return undefined;
  }
}

/** When it was stored stands in it, but not in what is yet to be stored. */
function fitsMoment({ written }: Looks, { meta }: Resource, term: OfKind<'lastUpdated'>): Verdict {
  const { lastUpdated } = (meta ?? {}) as { lastUpdated?: unknown };
  if (written || typeof lastUpdated !== 'string') return undefined;
  return momentFits(Date.parse(lastUpdated), term);
}

async function fitsText(
  { context, run }: Looks,
  resource: Resource,
  { of, query }: OfKind<'fulltext'>,
): Promise<Verdict> {
  const narrative = narrativeWords(resource);
  const text = of === 'text' ? narrative : contentWords(resource, narrative);
  const { fulltext } = context;
  if (fulltext === 'off' || (of === 'content' && fulltext !== 'content')) return undefined;
  const [row] = await run(wordsFitSql, [text, foldString(query)]);
  return row?.[0] === true;
}

const not = (value: Verdict): Verdict => (value === undefined ? undefined : !value);

/** True as soon as one is. */
async function anyOf<T>(list: readonly T[], judge: (one: T) => Promise<Verdict>): Promise<Verdict> {
  let verdict: Verdict = false;
  for (const one of list) {
    const judged = await judge(one);
    if (judged === true) return true;
    if (judged === undefined) verdict = undefined;
  }
  return verdict;
}

const refers = ({ main, references }: Extracted, term: References): boolean =>
  term.patient
    ? main.patient !== undefined && term.targets.includes(main.patient)
    : references.some(({ key, target }) => key === term.key && term.targets.includes(target));

/** Whether it refers to a resource that fits; contained ones and canonical urls are not followed. */
async function fitsChain(
  looks: Looks,
  { resource, found }: Content,
  term: Chain,
): Promise<Verdict> {
  const { main, references } = found;
  const targets = term.patient
    ? [main.patient ?? '']
    : references.flatMap(({ key, target }) => (key === term.key ? [target] : []));
  const verdict = await anyOf(term.targets, ({ type, where }) =>
    anyOf(
      targets.filter((target) => target.startsWith(`${type}/`)),
      (target) => fitsTarget(looks, target, where),
    ),
  );
  if (verdict !== false) return verdict;
  const elsewhere = resource['contained'] !== undefined || canonicalCode(looks.context, term.key);
  return elsewhere ? undefined : false;
}

/**
 * Whether all that it refers to and that counts fits, and something does. Unlike in a search what is not
 * there counts, or whoever writes a reference to it would be told from it what is hidden.
 */
async function fitsAbout(looks: Looks, { found }: Content, { key, of, beside }: About) {
  const targets = found.references.flatMap((one) => (one.key === key ? [one.target] : []));
  let verdict: Verdict = false;
  for (const target of new Set(targets)) {
    const type = target.slice(0, target.indexOf('/'));
    if (beside.includes(type) || !isLocal.test(target)) continue;
    const where = of.filter(({ types }) => types.includes(type));
    const judged = await anyOf(where, ({ term }) => fitsTarget(looks, target, term ? [term] : []));
    if (judged !== true) return judged;
    verdict = true;
  }
  return verdict;
}

const isLocal = /^[A-Z][A-Za-z]*\/[^/]+$/;

async function fitsTarget(looks: Looks, name: string, where: readonly Term[]): Promise<Verdict> {
  const term: Term = { kind: 'all', terms: [...where] };
  const written = looks.written?.get(name);
  return written ? fitsContent(looks, written, term) : isStored(looks, name, term);
}

/** Who refers to it does not hang on its content; what the same commit writes may. */
async function fitsHas(looks: Looks, { resourceType, id }: Resource, term: Has): Promise<Verdict> {
  if (await isStored(looks, `${resourceType}/${id}`, term)) return true;
  return (looks.written?.size ?? 0) > 1 ? undefined : false;
}

/** Whether the current resource fits. */
function isStored({ context, run, known }: Looks, name: string, term: Term): Promise<boolean> {
  const key = `${name} ${JSON.stringify(term)}`;
  const before = known?.get(key);
  if (before) return before;
  const rk = String(context.hasher.target(name));
  const types = [name.slice(0, name.indexOf('/'))];
  const asked = fitting(context, run, [rk], { kind: 'typed', of: [{ types, term }] });
  const found = asked.then((versions) => versions.has(rk));
  known?.set(key, found);
  return found;
}
