import type { Definitions } from './definitions.ts';
import type { Term } from './query.ts';
import { isPatientColumn, type TermOptions } from './query-terms.ts';
import { mergedAny } from './query-types.ts';
import { paramKey } from './terms.ts';

/** Searches of a compartment (R4 3.1.1.2, 2.4): `Patient/1/Observation`, `Patient/1/*`. */

export interface Compartment {
  /** `Patient`, `Encounter`, `RelatedPerson`, `Practitioner` or `Device`. */
  type: string;
  id: string;
}

/** Stands in a compartment's definition for the resource that gives the compartment its name. */
const ITSELF = '{def}';

/** The types that a compartment may hold, sorted; undefined where there is no such compartment. */
export function compartmentTypes(definitions: Definitions, type: string): string[] | undefined {
  const compartment = definitions.compartments.get(type);
  return compartment && Object.keys(compartment.resources).sort();
}

/**
 * The condition of being in the compartment. Of several types one condition does: the keys of the
 * parameters carry the type.
 * @param types of `compartmentTypes`
 */
export function compartmentTerm(
  options: TermOptions,
  compartment: Compartment,
  types: readonly string[],
): Term {
  const [only] = types;
  const terms = types.flatMap((type) => linksOf(options, compartment, type));
  if (only === undefined || types.length > 1) return mergedAny(terms);
  return mergedAny(withColumn(options, only, terms));
}

/** Any of these parameters links the type to the compartment. */
function linksOf(
  { definitions }: TermOptions,
  { type: of, id }: Compartment,
  type: string,
): Term[] {
  const codes = definitions.compartments.get(of)?.resources[type] ?? [];
  return codes.map((code) =>
    code === ITSELF
      ? { kind: 'id', ids: [id], type }
      : { kind: 'references', key: paramKey(type, code), targets: [`${of}/${id}`], patient: false },
  );
}

/** Parameters that the patient column speaks for; `patient` and `subject` are one condition then. */
function withColumn(options: TermOptions, type: string, terms: readonly Term[]): Term[] {
  const inColumn = (term: Term): boolean => {
    if (term.kind !== 'references') return false;
    if (!term.targets.every((target) => target.startsWith('Patient/'))) return false;
    const defs = [...options.definitions.searchParams(type).values()];
    const def = defs.find(({ code }) => paramKey(type, code) === term.key);
    return def !== undefined && isPatientColumn({ type, def, options });
  };
  const [first] = terms.filter(inColumn);
  const others = terms.filter((term) => !inColumn(term));
  return first?.kind === 'references' ? [{ ...first, patient: true }, ...others] : others;
}
