import type { Definitions } from './definitions.ts';
import type { Invariant } from './invariants.ts';
import { MAX_DEPTH } from './json-limits.ts';
import { kindOf } from './primitive.ts';
import type { Issue, JsonValue } from './types.ts';
import { Context, isObject } from './validate-context.ts';
import { checkResource, nestedResource, typeOfResource } from './validate-resource.ts';
import { Compiler } from './validate-type.ts';

export interface ValidateOptions {
  /** Lets `Type?query` stand in references: true before a transaction resolves them. */
  conditionalReferences?: boolean;
  /** How many issues are listed before the rest is only counted; 100 unless told. */
  maxIssues?: number;
  /** What expressions start with in place of the type: `Bundle.entry[3].resource`. */
  path?: string;
}

export interface Validator {
  /**
   * Checks a resource against the structure of R4: elements, cardinality, choices, primitive formats,
   * required bindings, references, contained resources, narrative, and the invariants of
   * invariants.ts. Never throws; empty where the resource is sound.
   *
   * @param resource a JSON tree as fhir/json.ts reads it
   */
  validate(resource: unknown, options?: ValidateOptions): Issue[];
}

export interface ValidatorParts {
  /** Rules for constraint keys (`key` or `Type/key`) beyond, or in place of, invariants.ts. */
  invariants?: ReadonlyMap<string, Invariant>;
}

const MAX_ISSUES = 100;
/**
 * Objects and arrays within one another, as the JSON parser counts them, less one for the arrays of
 * primitives that the walk does not enter: what came as XML or by a patch has to read back as JSON.
 */
const MAX_LEVELS = MAX_DEPTH - 1;

/**
 * Builds a validator whose types are compiled when first met. Profiles, slicing, terminology beyond
 * required bindings, and the constraints not in invariants.ts come after it, on sound resources.
 */
export function createValidator(definitions: Definitions, parts: ValidatorParts = {}): Validator {
  const compiler: Compiler = new Compiler({
    definitions,
    nested: (def) => nestedResource(def, () => compiler),
    ...parts,
  });
  return {
    validate(resource, options = {}) {
      const it = resource as JsonValue;
      if (!isObject(it)) return [structural(`a resource is a JSON object, not ${kindOf(it)}`)];
      const type = typeOfResource(it, compiler);
      if (typeof type === 'string') return [structural(`the resource ${type}`, options.path)];
      const ctx = new Context(it, options.path ?? type.name, {
        maxIssues: options.maxIssues ?? MAX_ISSUES,
        maxLevels: MAX_LEVELS,
        conditionalReferences: options.conditionalReferences ?? false,
      });
      checkResource(type, it, ctx);
      return ctx.issues();
    },
  };
}

function structural(diagnostics: string, expression?: string): Issue {
  const issue: Issue = { severity: 'error', code: 'structure', diagnostics };
  return expression === undefined ? issue : { ...issue, expression };
}
