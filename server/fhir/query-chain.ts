import type { SearchParamDef } from './definitions.ts';
import type { Term } from './query.ts';
import { isReference } from './query-param.ts';
import { isPatientColumn, LIST_PARAM, type TermOptions, TermProblem } from './query-terms.ts';
import { paramKey } from './terms.ts';
import { nearest } from './validate-nearest.ts';

/**
 * The names of parameters: `code`, `code:modifier`, chains `subject:Patient.organization.name`
 * (R4 3.1.1.4.15) and `_has:Observation:patient:code` (3.1.1.4.16), each inside the other.
 */

/** Where a name has led: a parameter of a type, and what stands behind its colon. */
export interface Leaf {
  type: string;
  def: SearchParamDef;
  modifier?: string;
}

/** Makes the term of the parameter that a name has led to. */
export type LeafTerm = (leaf: Leaf) => Term;

/** The type has no such parameter: of several types that a chain could lead to, others may. */
export class NoSuchParameter extends TermProblem {}

/** Links of one name: each looks through another type of resource. */
const MAX_LINKS = 6;
/** Ways that a name without types may go: each becomes a part of the statement. */
const MAX_WAYS = 500;

interface Walk {
  options: TermOptions;
  leafTerm: LeafTerm;
  ways: number;
}

/**
 * The term of a name on a type.
 * @throws TermProblem where a part of the name is unknown or leads nowhere
 */
export function followName(
  options: TermOptions,
  type: string,
  name: string,
  leafTerm: LeafTerm,
): Term {
  return follow({ options, leafTerm, ways: 0 }, type, name, 0);
}

function follow(walk: Walk, type: string, name: string, links: number): Term {
  if (links > MAX_LINKS) throw new TermProblem(`it has more than ${MAX_LINKS} links`);
  if (/^_has(?:[:.]|$)/.test(name)) return hasTerm(walk, type, name, links);
  const dot = name.indexOf('.');
  if (dot < 0) return walk.leafTerm(leafOf(walk.options, type, name));
  const leaf = leafOf(walk.options, type, name.slice(0, dot));
  return chainTerm(walk, leaf, name.slice(dot + 1), links);
}

function leafOf(options: TermOptions, type: string, part: string): Leaf {
  const colon = part.indexOf(':');
  const code = colon < 0 ? part : part.slice(0, colon);
  const def =
    options.definitions.searchParams(type).get(code) ??
    (code === LIST_PARAM.code ? LIST_PARAM : undefined);
  if (!def) throw new NoSuchParameter(unknownParameter(options, type, code), true);
  return colon < 0 ? { type, def } : { type, def, modifier: part.slice(colon + 1) };
}

/** What is only asked for in another way. */
const ELSEWHERE = new Map([
  ['_type', 'it belongs to searches of the whole system, [base]?_type=Patient,Observation'],
  ['_has', 'write _has:Type:reference:parameter, e.g. _has:Observation:patient:code=1234-5'],
]);

function unknownParameter({ definitions }: TermOptions, type: string, code: string): string {
  const known = [...definitions.searchParams(type).keys()].sort();
  const near = nearest(code, known);
  const hint = ELSEWHERE.get(code) ?? (near ? `did you mean "${near}"?` : undefined);
  const shown = `${type} has no search parameter "${code.slice(0, 80)}"`;
  return `${shown}${hint ? `; ${hint}` : ''}; it has ${known.join(', ')}`;
}

/** The resource referred to fits; of several types those that have the parameter (3.1.1.4.15). */
function chainTerm(walk: Walk, leaf: Leaf, rest: string, links: number): Term {
  const { type, def } = leaf;
  const targets: { type: string; where: Term[] }[] = [];
  const problems: TermProblem[] = [];
  const types = chainedTypes(walk.options, leaf, rest);
  for (const target of types) {
    countWay(walk, leaf, rest);
    try {
      targets.push({ type: target, where: [follow(walk, target, rest, links + 1)] });
    } catch (error) {
      if (!(error instanceof TermProblem)) throw error;
      problems.push(error);
    }
  }
  if (targets.length === 0) throw leadsNowhere(leaf, { rest, types, problems });
  const onlyPatients = targets.every((target) => target.type === 'Patient');
  const patient = onlyPatients && isPatientColumn({ type, def, options: walk.options });
  return { kind: 'chain', key: paramKey(type, def.code), patient, targets };
}

function chainedTypes({ definitions }: TermOptions, leaf: Leaf, rest: string): readonly string[] {
  const { type, def, modifier } = leaf;
  if (!isReference(def)) {
    throw new TermProblem(
      `${type}.${def.code} is of type ${def.type}: only references are followed by a dot`,
      true,
    );
  }
  if (rest === '') throw new TermProblem(`a parameter must follow "${def.code}."`, true);
  const { targets } = def;
  if (modifier === undefined) return targets ?? definitions.resourceTypes;
  if (!definitions.resourceTypes.includes(modifier)) {
    const hint = `write ${def.code}:${targets?.[0] ?? 'Patient'}.${rest.slice(0, 80)}`;
    throw new TermProblem(`":${modifier.slice(0, 80)}" is no type to follow; ${hint}`, true);
  }
  if (targets && !targets.includes(modifier)) throw neverRefers(leaf, modifier);
  return [modifier];
}

const neverRefers = ({ type, def }: Leaf, target: string): TermProblem =>
  new TermProblem(
    `${type}:${def.code} never refers to ${target}; possible: ${def.targets?.join(', ')}`,
  );

function countWay(walk: Walk, { def }: Leaf, rest: string): void {
  walk.ways += 1;
  if (walk.ways <= MAX_WAYS) return;
  const example = `${def.code}:${def.targets?.[0] ?? 'Patient'}.${rest.slice(0, 80)}`;
  throw new TermProblem(`it could go more than ${MAX_WAYS} ways; name the types, e.g. ${example}`);
}

interface Failed {
  rest: string;
  types: readonly string[];
  problems: readonly TermProblem[];
}

/** What is wrong with the value or the modifier says more than that some type lacks the parameter. */
function leadsNowhere({ type, def }: Leaf, { rest, types, problems }: Failed): TermProblem {
  const [first] = problems;
  const telling = problems.find((one) => !(one instanceof NoSuchParameter));
  if (telling) return telling;
  if (first && types.length === 1) return first;
  const some = types.length > 12 ? `${types.slice(0, 12).join(', ')}, ..` : types.join(', ');
  const [code = ''] = rest.split(/[.:]/, 1);
  return new NoSuchParameter(
    `none of the types that ${type}:${def.code} refers to (${some}) has a search parameter ` +
      `"${code.slice(0, 80)}" that can be followed`,
    true,
  );
}

const HAS = /^_has:([^:.]*):([^:.]*):(.+)$/s;

/** A resource that refers to this one fits (R4 3.1.1.4.16). */
function hasTerm(walk: Walk, type: string, name: string, links: number): Term {
  const { options } = walk;
  const [, source, code = '', rest] = HAS.exec(name) ?? [];
  if (source === undefined || rest === undefined) {
    const form = '_has:Type:reference:parameter, e.g. _has:Observation:patient:code=1234-5';
    throw new TermProblem(`write ${form}`, true);
  }
  if (!options.definitions.resourceTypes.includes(source)) {
    const near = nearest(source, options.definitions.resourceTypes);
    const hint = near ? `; did you mean ${near}?` : '';
    throw new TermProblem(`"${source.slice(0, 80)}" is not a resource type${hint}`, true);
  }
  const def = referring(options, { type, source, code });
  const where = [follow(walk, source, rest, links + 1)];
  const patient = type === 'Patient' && isPatientColumn({ type: source, def, options });
  return { kind: 'has', source, key: paramKey(source, code), patient, where };
}

/** The parameter by which resources of `source` refer to resources of the type. */
function referring(
  { definitions }: TermOptions,
  { type, source, code }: { type: string; source: string; code: string },
): SearchParamDef {
  const known = definitions.searchParams(source);
  const refers = (def: SearchParamDef): boolean =>
    isReference(def) && (!def.targets || def.targets.includes(type));
  const def = known.get(code);
  if (def && refers(def)) return def;
  const possible = [...known.values()].filter(refers).map((one) => one.code);
  const hint = possible.length > 0 ? `by ${possible.sort().join(', ')}` : 'not at all';
  throw new TermProblem(
    `${source} does not refer to ${type} by "${code.slice(0, 80)}", but ${hint}`,
    true,
  );
}
