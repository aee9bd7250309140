import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import { parseJson, stringify } from '../fhir/json.ts';
import type { Summary } from '../fhir/query.ts';
import { summarize, unknownElements } from '../fhir/summary.ts';
import type { Resource } from '../fhir/types.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';

/** Which part of a resource is wanted (R4 3.1.1.5.8 _summary, 3.1.1.5.9 _elements). */
export interface Shape {
  summary: Summary;
  elements: readonly string[];
}

const summaries: readonly string[] = ['true', 'text', 'data', 'count', 'false'];

/** What the URL of a read or a history asks for; undefined for the whole. Throws invalid. */
export function shapeOf(
  { definitions }: Service,
  exchange: Exchange,
  types: readonly string[],
): Shape | undefined {
  if (exchange.query.length === 0) return undefined;
  const summary = exchange.parameter('_summary') ?? 'false';
  const elements = exchange.query
    .filter(([name]) => name === '_elements')
    .flatMap(([, value]) => value.split(',').filter((name) => name));
  if (!summaries.includes(summary)) {
    throw new FhirError('invalid', `_summary must be one of ${summaries.join(', ')}.`);
  }
  const unknown = unknownElements(definitions, types, elements);
  if (unknown.length > 0) throw unknownElement(unknown);
  if (summary === 'false' && elements.length === 0) return undefined;
  return { summary: summary as Summary, elements };
}

/** The refusal of names in `_elements` that no type has. */
export function unknownElement(names: readonly string[]): FhirError {
  const shown = names.join(', ').slice(0, 80);
  const text = `_elements: "${shown}" is no element at the root of the type. Name root elements.`;
  return new FhirError('invalid', text);
}

/** The JSON text of that part of a resource, tagged SUBSETTED. */
export function shaped(definitions: Definitions, text: string, shape: Shape): string {
  const resource = parseJson(text) as Resource;
  return stringify(summarize(definitions, resource, shape));
}
