import type { Definitions } from './definitions.ts';
import { quote } from './primitive.ts';
import type { JsonObject, JsonValue } from './types.ts';
import { type Context, isObject } from './validate-context.ts';
import { nearest } from './validate-nearest.ts';

/** Required bindings (R4 4.1.5): the codes of a value set that can be listed. */
export interface Binding {
  readonly url: string;
  /** All codes, for elements of type code. */
  readonly codes: ReadonlySet<string>;
  readonly systems: ReadonlyMap<string, ReadonlySet<string>>;
}

const MAX_LISTED = 12;

/** The binding of an element, or undefined where there is none or its set cannot be listed. */
export function bindingOf(url: string | undefined, definitions: Definitions): Binding | undefined {
  const systems = url === undefined ? undefined : definitions.valueSet(url);
  if (url === undefined || !systems) return undefined;
  const codes = new Set<string>();
  for (const list of systems.values()) for (const code of list) codes.add(code);
  return { url, codes, systems };
}

function advice(binding: Binding, code: string): string {
  if (binding.codes.size <= MAX_LISTED) return `use one of ${[...binding.codes].join(' | ')}`;
  const near = nearest(code, binding.codes);
  return near === undefined ? 'use a code of the set' : `did you mean "${near}"?`;
}

/** What is wrong with a code, and what to use. */
export function codeFault(binding: Binding, value: JsonValue): string | undefined {
  if (typeof value !== 'string' || binding.codes.has(value)) return undefined;
  return `${quote(value)} is not in the required value set ${binding.url}; ${advice(binding, value)}`;
}

const holds = (binding: Binding, coding: JsonValue | undefined): boolean =>
  isObject(coding) &&
  typeof coding.code === 'string' &&
  binding.systems.get(typeof coding.system === 'string' ? coding.system : '')?.has(coding.code) ===
    true;

function refuse(binding: Binding, code: JsonValue | undefined, ctx: Context): void {
  const given = typeof code === 'string' ? code : '';
  const systems = [...binding.systems.keys()].join(' or ');
  ctx.fail(
    'code-invalid',
    `no coding is in the required value set ${binding.url}; ${advice(binding, given)} with system ${systems}`,
  );
}

/** A Coding has to be in the set itself. */
export function checkCoding(binding: Binding, coding: JsonObject, ctx: Context): void {
  if (!holds(binding, coding)) refuse(binding, coding.code, ctx);
}

/** Of a CodeableConcept one coding has to be in the set; text alone is not enough. */
export function checkConcept(binding: Binding, concept: JsonObject, ctx: Context): void {
  const codings = Array.isArray(concept.coding) ? concept.coding : [];
  if (codings.some((coding) => holds(binding, coding))) return;
  refuse(binding, isObject(codings[0]) ? codings[0].code : undefined, ctx);
}
