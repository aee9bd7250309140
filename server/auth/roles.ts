import type { Term } from '../fhir/query.ts';
import { type CriteriaOptions, criteriaTerms, NoCriteria } from './access-criteria.ts';
import { OPS, type Op } from './scopes.ts';

/** Roles as data: what those who have them may do, type by type. */

export interface Role {
  name: string;
  /** What people call it. */
  title: string;
  /** Any one of them is enough. */
  rules: readonly RoleRule[];
  /** As it came with the server; changes with it. */
  shipped: boolean;
}

export interface RoleRule {
  /** Resource types; `*` for all but AuditEvent, which has to be named. */
  types: readonly string[];
  /** Letters of `cruds`: create, read, update, delete, search. */
  interactions: string;
  /** A search text that has to fit (access-criteria.ts). */
  criteria?: string;
  /** Search texts of which one has to fit; those that say nothing for somebody are left out. */
  anyOf?: readonly string[];
  /** Search texts none of which may fit. */
  except?: readonly string[];
  /**
   * Only what is about resources that the roles show, of these types (`*`: of any): a Binary by its
   * securityContext, a Provenance by its targets. Of nothing else can it be said.
   */
  about?: readonly string[];
  /** Also what is labelled restricted or very restricted (`meta.security` R, V). */
  restricted?: true;
  /** Only where access is asked for this purpose of use. */
  purpose?: 'BTG';
  /** Paths of elements that are left out: `name`, `contact.name`. */
  hidden?: readonly string[];
  /** Paths of elements that may not be changed. */
  readOnly?: readonly string[];
}

/** Types that `*` does not stand for: who saw what is for auditors. */
export const NAMED_ONLY: ReadonlySet<string> = new Set(['AuditEvent']);

/** The Tasks of who reviews emergency access: only rules that name them reach them. */
export const REVIEW_TASK = 'code=urn:kiln:task|break-glass-review';

/** The role whose users and systems administer the server. */
export const ADMIN = 'Admin';

const LABELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const UNRESTRICTED = `_security:not=${LABELS}|R,${LABELS}|V`;

export const isFor = ({ types }: RoleRule, type: string): boolean =>
  types.includes(type) || (types.includes('*') && !NAMED_ONLY.has(type));

export const opsOf = ({ interactions }: RoleRule): Op[] =>
  OPS.filter((op) => interactions.includes(op));

/**
 * All that has to fit for a rule to give its interactions on a resource of the type.
 * @throws NoCriteria where it gives nothing
 */
export function ruleTerms(rule: RoleRule, type: string, options: CriteriaOptions): Term[] {
  const { criteria, anyOf, except = [], restricted } = rule;
  const where = criteria === undefined ? [] : criteriaTerms(criteria, type, options);
  if (anyOf) where.push(anyTerm(anyOf, type, options));
  for (const text of except) where.push({ kind: 'not', term: allTerm(text, type, options) });
  if (!restricted) where.push(...criteriaTerms(UNRESTRICTED, type, options));
  if (type === 'Task' && criteria !== REVIEW_TASK) {
    where.push({ kind: 'not', term: allTerm(REVIEW_TASK, type, options) });
  }
  return where;
}

function allTerm(text: string, type: string, options: CriteriaOptions): Term {
  const terms = criteriaTerms(text, type, options);
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'all', terms };
}

function anyTerm(texts: readonly string[], type: string, options: CriteriaOptions): Term {
  const terms: Term[] = [];
  const reasons: string[] = [];
  for (const text of texts) {
    try {
      terms.push(allTerm(text, type, options));
    } catch (error) {
      if (!(error instanceof NoCriteria)) throw error;
      if (!error.ofPerson) throw error;
      reasons.push(error.message);
    }
  }
  const [only] = terms;
  if (!only) throw new NoCriteria(reasons.join('; '), true);
  return terms.length === 1 ? only : { kind: 'any', terms };
}
