import type { Constraint } from './definitions.ts';
import type { Invariant } from './validate-rules.ts';
import { clinicalRules } from './validate-rules-clinical.ts';
import { conformanceRules } from './validate-rules-conformance.ts';
import { structureRules } from './validate-rules-structure.ts';
import { typeRules } from './validate-rules-types.ts';

export type { Invariant, Place } from './validate-rules.ts';

/**
 * The invariants of R4 (ElementDefinition.constraint, severity error) compiled by hand, by key. Keys
 * that R4 uses twice (inv-1) are written `Type/key`. What is missing here is left to the FHIRPath
 * stage: eld-3, eld-19, ctm-1 (resolve()), ppc-2 to ppc-5 (a system named "something"). eld-11 is
 * left out: as R4 writes it, it holds for every element with a type, and US Core 3.1.1 relies on that.
 */
export const invariants: ReadonlyMap<string, Invariant> = new Map(
  Object.entries({ ...typeRules, ...clinicalRules, ...conformanceRules, ...structureRules }),
);

/** Checked by the structure itself: see validate-walk.ts, validate-resource.ts, narrative.ts. */
const STRUCTURAL = new Set([
  'ele-1',
  'dom-2',
  'dom-3',
  'dom-4',
  'dom-5',
  'ref-1',
  'txt-1',
  'txt-2',
]);

export interface Rule {
  key: string;
  human: string;
  test: Invariant;
}

/**
 * The rules for the constraints of a type; `more` goes before the table, so that a later stage may add
 * keys or replace them. Best practice (severity warning) gives none.
 */
export function rulesFor(
  type: string,
  constraints: readonly Constraint[] = [],
  more?: ReadonlyMap<string, Invariant>,
): Rule[] {
  const rules: Rule[] = [];
  for (const { key, severity, human } of constraints) {
    if (severity !== 'error' || STRUCTURAL.has(key)) continue;
    const own = `${type}/${key}`;
    const test = more?.get(own) ?? more?.get(key) ?? invariants.get(own) ?? invariants.get(key);
    if (test) rules.push({ key, human, test });
  }
  return rules;
}
