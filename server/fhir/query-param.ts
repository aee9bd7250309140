import type { Definitions, SearchParamDef } from './definitions.ts';
import { planPath } from './fhirpath-compile.ts';
import type { Term } from './query.ts';

/** What the parsers of the parameter types (query-token.ts and so on) work with. */

/** Why a parameter cannot be used: a wrong value is always refused, the others by `handling`. */
export class TermProblem extends Error {
  readonly unsupported: boolean;
  constructor(message: string, unsupported = false) {
    super(message);
    this.unsupported = unsupported;
  }
}

export interface TermOptions {
  definitions: Definitions;
  /** Own base urls without a slash at the end. */
  bases: readonly string[];
  /** Minutes east of UTC for dates without a zone. */
  zone: number;
  /** Unix ms, for `ap`. */
  now: number;
  /** What is indexed word by word: `_text` needs narratives (the default), `_content` content. */
  fulltext?: Fulltext;
}

export type Fulltext = 'off' | 'narrative' | 'content';

/** A parameter on the type searched. */
export interface TypedParam {
  type: string;
  def: SearchParamDef;
  options: Pick<TermOptions, 'definitions'>;
}

/** `keys` are those of `paramKey`. */
export interface Param extends TypedParam {
  keys: string[];
  options: TermOptions;
}

/** Whether a parameter holds references of its own, so that they can be followed. */
export const isReference = ({ type, keys }: SearchParamDef): boolean =>
  type === 'reference' && !keys;

/** The alternatives as one term. */
export function anyOf(terms: Term[]): Term {
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'any', terms };
}

const known = new WeakMap<SearchParamDef, ReadonlySet<string> | null>();

/**
 * The FHIR types of a parameter's values (`CodeableConcept`, `canonical`), or undefined where they
 * are known only when the values are.
 */
export function valueTypes({ type, def, options }: TypedParam): ReadonlySet<string> | undefined {
  let found = known.get(def);
  if (found === undefined) {
    const scope = { types: options.definitions.types, context: type };
    const types = new Set(planPath(def.expression, scope)?.map((branch) => branch.type));
    found = types.size === 0 || types.has('Extension') ? null : types;
    known.set(def, found);
  }
  return found ?? undefined;
}

/** Whether some of a parameter's values may be of one of these types. */
export function holds(param: TypedParam, ...types: string[]): boolean {
  const found = valueTypes(param);
  return !found || types.some((one) => found.has(one));
}
