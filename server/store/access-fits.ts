import type { Extracted } from '../fhir/extract-shape.ts';
import type { Term } from '../fhir/query.ts';
import type { Resource } from '../fhir/types.ts';
import { fitting } from './access-check.ts';
import type { Context, Run } from './context.ts';
import { canonicalCode } from './search-canonical.ts';
import { resolveTerm } from './search-resolve.ts';

/** Whether versions without rows of their own (one to be written, one superseded) fit. */

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
  return fits(looks, { resource, found: looks.context.extractor.extract(resource) }, term);
}

interface Content {
  resource: Resource;
  found: Extracted;
}

type Verdict = boolean | undefined;
type Chain = Extract<Term, { kind: 'chain' }>;
type Has = Extract<Term, { kind: 'has' }>;
type References = Extract<Term, { kind: 'references' }>;

async function fits(looks: Looks, content: Content, term: Term): Promise<Verdict> {
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
    case 'has':
      return fitsHas(looks, resource, term);
    default:
      return undefined;
  }
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
