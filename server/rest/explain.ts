import type { SearchQuery } from '../fhir/query.ts';
import type { Issue } from '../fhir/types.ts';
import type { Explanation } from '../store/store.ts';
import { outcomeOf } from './errors.ts';
import type { Parameters } from './request.ts';

interface Part {
  name: string;
  valueString?: string;
  valueDecimal?: number;
  resource?: unknown;
  part?: Part[];
}

const json = (value: unknown): string => JSON.stringify(value);

/** `_explain=true`: how a search is understood and answered, as the text of a Parameters resource. */
export function explained(
  query: SearchQuery,
  asked: { parameters: Parameters; self: string; rejected: readonly Issue[] },
  explanation: Explanation,
): string {
  const { where, way, near, sql, values, plan, cost, rows } = explanation;
  const parameter: Part[] = [
    { name: 'self', valueString: asked.self },
    ...asked.parameters.map(([name, value]) => ({
      name: 'asked',
      valueString: `${name}=${value}`,
    })),
    ...query.applied.map(([name, value]) => ({
      name: 'applied',
      valueString: `${name}=${value}`,
    })),
    { name: 'types', valueString: query.types.join() },
    ...where.map((term) => ({ name: 'term', valueString: json(term) })),
    ...query.sort.map((key) => ({ name: 'sort', valueString: json(key) })),
    { name: 'way', valueString: way },
    ...(near === undefined ? [] : [{ name: 'near', valueString: near }]),
    { name: 'sql', valueString: sql },
    ...values.map((value, i) => ({ name: `$${i + 1}`, valueString: json(value) })),
    { name: 'plan', valueString: json(plan) },
    { name: 'cost', valueDecimal: cost },
    { name: 'rows', valueDecimal: rows },
  ];
  if (query.ignored.length > 0) {
    parameter.push({ name: 'ignored', resource: outcomeOf(query.ignored) });
  }
  if (asked.rejected.length > 0) {
    parameter.push({ name: 'rejected', resource: outcomeOf(asked.rejected) });
  }
  return json({ resourceType: 'Parameters', parameter });
}
