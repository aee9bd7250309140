import type { Term } from '../fhir/query.ts';
import type { TermOptions } from '../fhir/query-terms.ts';
import { mergedAny } from '../fhir/query-types.ts';
import type { Rule } from '../store/store.ts';
import { ABOUT, aboutTerm, type Subjects, subjectTypes } from './access-about.ts';
import { type CriteriaOptions, NoCriteria } from './access-criteria.ts';
import { patientReach, patientSubjects, SHARED } from './access-patient.ts';
import { isFor, opsOf, type Role, type RoleRule, ruleTerms } from './roles.ts';
import { OPS, type Op, type ResourceScope } from './scopes.ts';
import { granularTerms } from './scopes-granular.ts';

/** From roles and scopes to the rules of a type: pure, with all variables known. */

/** Operations on the resources that fit all of `where`. */
export interface Branch {
  ops: ReadonlySet<Op>;
  where: readonly Term[];
  hidden: readonly string[];
  readOnly: readonly string[];
}

/** A rule that also says which elements it leaves out, and which may not be changed. */
export interface ElementRule extends Rule {
  hidden: readonly string[];
  readOnly: readonly string[];
}

/** What came of a rule of a role, or why nothing did. */
export interface Outcome {
  role: string;
  /** Its place among the rules of the role. */
  at: number;
  rule: RoleRule;
  branch?: Branch;
  reason?: string;
}

export interface PolicyOptions extends CriteriaOptions {
  purpose: string | undefined;
  /** What rules that are `about` others were made from so far, for the same roles. */
  subjects?: Map<string, readonly Term[] | undefined>;
}

/** What the rules of the roles for a type come to for somebody. */
export function policyOutcomes(
  roles: readonly Role[],
  type: string,
  { purpose, ...options }: PolicyOptions,
): Outcome[] {
  return roles.flatMap(({ name, rules }) =>
    rules.flatMap((rule, at): Outcome[] => {
      if (!isFor(rule, type)) return [];
      const outcome = { role: name, at, rule };
      if (rule.purpose !== undefined && rule.purpose !== purpose) {
        return [{ ...outcome, reason: `it is for the purpose of use ${rule.purpose}` }];
      }
      return [{ ...outcome, ...branchOf(roles, rule, type, options) }];
    }),
  );
}

function branchOf(
  roles: readonly Role[],
  rule: RoleRule,
  type: string,
  options: Omit<PolicyOptions, 'purpose'>,
): Pick<Outcome, 'branch' | 'reason'> {
  const { readOnly = [] } = rule;
  // The narrative says again what was hidden.
  const hidden = rule.hidden ? [...rule.hidden, 'text'] : [];
  try {
    const where = ruleTerms(rule, type, options);
    if (rule.about) where.push(aboutWhatRolesGive(roles, rule, type, options));
    return { branch: { ops: new Set(opsOf(rule)), where, hidden, readOnly } };
  } catch (error) {
    if (error instanceof NoCriteria) return { reason: error.message };
    throw error;
  }
}

/** That all it is about may be seen, by the rules for the same purpose. */
function aboutWhatRolesGive(
  roles: readonly Role[],
  { about = [], purpose }: RoleRule,
  type: string,
  options: Omit<PolicyOptions, 'purpose'>,
): Term {
  if (!ABOUT.has(type)) throw new NoCriteria(`only ${[...ABOUT.keys()].join(', ')} are "about"`);
  const possible = subjectTypes(options.definitions);
  const types = about.includes('*') ? possible : possible.filter((one) => about.includes(one));
  const { subjects = new Map() } = options;
  const found = types.flatMap((one): [string, readonly Term[]][] => {
    const name = `${purpose} ${one}`;
    if (!subjects.has(name)) subjects.set(name, seenOf(roles, one, { ...options, purpose }));
    const where = subjects.get(name);
    return where ? [[one, where]] : [];
  });
  return aboutTerm(type, new Map(found), type === 'Provenance' ? SHARED : []);
}

/** What has to fit for the roles to show it; undefined where they show nothing of the type. */
function seenOf(
  roles: readonly Role[],
  type: string,
  options: PolicyOptions,
): readonly Term[] | undefined {
  const branches = policyOutcomes(roles, type, options).flatMap(({ rule, branch }) =>
    branch && rule.purpose === options.purpose ? [branch] : [],
  );
  return seenBy(branches);
}

function seenBy(branches: readonly Branch[]): readonly Term[] | undefined {
  const seen = branches.filter(({ ops }) => ops.has('r') || ops.has('s'));
  return seen.length > 0 ? anyOfThem(seen) : undefined;
}

/** A type without conditions, for what no role bounds. */
export const unbounded = (ops: readonly Op[]): Branch => ({
  ...{ ops: new Set(ops), where: [], hidden: [], readOnly: [] },
});

/** What the scopes reach of a type; those of the kind `patient/` nothing without a patient. */
export function scopeBranches(
  scopes: readonly ResourceScope[],
  type: string,
  { patient, ...options }: TermOptions & { patient: string | undefined },
): Branch[] {
  return scopes.flatMap((scope): Branch[] => {
    if (scope.type !== '*' && scope.type !== type) return [];
    const reach = reachOf(scope, type, { patient, options, scopes });
    const ops = reach && new Set([...scope.ops].filter((op) => reach.ops.has(op)));
    const granular = granularOrNone(scope, type, options);
    if (!ops || ops.size === 0 || !granular) return [];
    return [{ ops, where: [...reach.where, ...granular], hidden: [], readOnly: [] }];
  });
}

const ALL: { ops: ReadonlySet<Op>; where: Term[] } = { ops: new Set(OPS), where: [] };

interface Reaching {
  patient: string | undefined;
  options: TermOptions;
  /** All of the token. */
  scopes: readonly ResourceScope[];
}

function reachOf(
  { context }: ResourceScope,
  type: string,
  { patient, options, scopes }: Reaching,
): typeof ALL | undefined {
  const own = scopes.filter((scope) => scope.context === context);
  const seen = (one: string) => seenBy(scopeBranches(own, one, { ...options, patient }));
  if (context !== 'patient') {
    return type === 'Binary' ? { ...ALL, where: binaryTerms(options, seen) } : ALL;
  }
  if (patient === undefined) return undefined;
  if (type === 'Binary') {
    const subjects = binarySubjects(options, seen).set('Patient', [{ kind: 'id', ids: [patient] }]);
    return { ...ALL, where: [aboutTerm(type, subjects, [])] };
  }
  if (type === 'Provenance') {
    const subjects = patientSubjects(patient, options);
    return { ...ALL, where: [aboutTerm(type, subjects, SHARED)] };
  }
  return patientReach(type, patient, options);
}

type Seen = (type: string) => readonly Term[] | undefined;

/** Whoever may see what a Binary is about; the Patient stands for all that is theirs. */
const binarySubjects = ({ definitions }: TermOptions, seen: Seen): Map<string, readonly Term[]> =>
  new Map(
    subjectTypes(definitions).flatMap((type): [string, readonly Term[]][] => {
      const where = type === 'Patient' ? [] : seen(type);
      return where ? [[type, where]] : [];
    }),
  );

/** Scopes that are of no patient reach Binaries that are about nothing, too. */
function binaryTerms(options: TermOptions, seen: Seen): Term[] {
  const subjects: Subjects = binarySubjects(options, seen);
  const free = [...subjects.values()].every((where) => where.length === 0);
  if (free && subjects.size === subjectTypes(options.definitions).length) return [];
  const present: Term = { kind: 'present', type: 'Binary', codes: [ABOUT.get('Binary') as string] };
  return [mergedAny([{ kind: 'not', term: present }, aboutTerm('Binary', subjects, [])])];
}

/** Granted before the definitions changed, a scope may have lost its meaning: it gives nothing. */
function granularOrNone(
  scope: ResourceScope,
  type: string,
  options: TermOptions,
): Term[] | undefined {
  if (scope.query.length === 0) return [];
  try {
    return granularTerms(scope, type, options);
  } catch {
    return undefined;
  }
}

/**
 * What both sides give, operation by operation: one of the policy's branches AND one of the scopes'.
 * Branches that treat elements differently stay apart, as it depends on the resource which one holds.
 */
export function bothOf(policy: readonly Branch[], scopes: readonly Branch[]): ElementRule[] {
  const rules = new Map<string, ElementRule & { interactions: Set<Op> }>();
  for (const op of OPS) {
    const within = scopes.filter(({ ops }) => ops.has(op));
    if (within.length === 0) continue;
    for (const group of alike(policy.filter(({ ops }) => ops.has(op)))) {
      const key = JSON.stringify([
        group.map((one) => policy.indexOf(one)),
        within.map((one) => scopes.indexOf(one)),
      ]);
      const known = rules.get(key);
      if (known) known.interactions.add(op);
      else rules.set(key, ruleOf(op, group, within));
    }
  }
  return [...rules.values()];
}

function ruleOf(op: Op, group: readonly Branch[], within: readonly Branch[]) {
  const { hidden = [], readOnly = [] } = group[0] ?? {};
  return {
    interactions: new Set([op]),
    where: [...anyOfThem(group), ...anyOfThem(within)],
    ...{ hidden, readOnly },
  };
}

/** In groups that treat elements alike. */
function alike(branches: readonly Branch[]): Branch[][] {
  const groups = Map.groupBy(branches, ({ hidden, readOnly }) =>
    JSON.stringify([hidden, readOnly]),
  );
  return [...groups.values()];
}

/** That one of them fits, as terms that all have to fit. */
function anyOfThem(branches: readonly Branch[]): readonly Term[] {
  const [only] = branches;
  if (!only || branches.some(({ where }) => where.length === 0)) return [];
  if (branches.length === 1) return only.where;
  const terms = branches.map(({ where }): Term => {
    const [first] = where;
    return first && where.length === 1 ? first : { kind: 'all', terms: [...where] };
  });
  return [mergedAny(terms)];
}
