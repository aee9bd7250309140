import { dateRange } from './date.ts';
import { isNumber, numberValue } from './decimal.ts';
import type { JsonObject, JsonValue } from './types.ts';
import { isObject } from './validate-context.ts';

/**
 * The words that the hand-compiled invariants are written in. Every rule bears any JSON: faults of
 * structure are reported elsewhere, and a rule that cannot decide holds.
 */

export interface Place {
  /** %resource: the resource that holds the element. */
  readonly resource: JsonObject;
}

/** True where the element satisfies the invariant. */
export type Invariant = (it: JsonObject, at: Place) => boolean;

export type Rules = Readonly<Record<string, Invariant>>;

/** The child as an object; an empty one where it is none. */
export const child = (it: JsonObject, name: string): JsonObject => {
  const value = it[name];
  return isObject(value) ? value : {};
};

/** The repetitions of a child that are objects. */
export const list = (it: JsonObject, name: string): JsonObject[] => {
  const value = it[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
};

export const text = (it: JsonObject, name: string): string | undefined => {
  const value = it[name];
  return typeof value === 'string' ? value : undefined;
};

export const texts = (it: JsonObject, name: string): string[] => {
  const value = it[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
};

/** A JSON number or its kept text as a number; NaN for anything else. */
export const number = (value: JsonValue | undefined): number => {
  return isNumber(value) ? numberValue(value) : Number.NaN;
};

/** FHIRPath exists() of a child, extension-only primitives included; `value[x]` looks at all types. */
export function exists(name: string): (it: JsonObject) => boolean {
  if (name.endsWith('[x]')) return choiceExists(name.slice(0, -3));
  const sibling = `_${name}`;
  return (it) => it[name] !== undefined || it[sibling] !== undefined;
}

function choiceExists(stem: string): (it: JsonObject) => boolean {
  return (it) => {
    for (const key in it) {
      const at = key.charCodeAt(0) === 95 ? 1 : 0;
      const next = key.charCodeAt(at + stem.length);
      if (next >= 65 && next <= 90 && key.startsWith(stem, at)) return true;
    }
    return false;
  };
}

const all = (names: string[]): ((it: JsonObject) => boolean)[] => names.map(exists);

/** At least one of the children stands. */
export const some = (...names: string[]): Invariant => {
  const tests = all(names);
  return (it) => tests.some((test) => test(it));
};

/** Not all of the children stand. */
export const notAll = (...names: string[]): Invariant => {
  const tests = all(names);
  return (it) => !tests.every((test) => test(it));
};

/** Exactly one of the children stands. */
export const one = (...names: string[]): Invariant => {
  const tests = all(names);
  return (it) => count(it, tests) === 1;
};

export const atMostOne = (...names: string[]): Invariant => {
  const tests = all(names);
  return (it) => count(it, tests) <= 1;
};

function count(it: JsonObject, tests: readonly ((it: JsonObject) => boolean)[]): number {
  let found = 0;
  for (const test of tests) if (test(it)) found++;
  return found;
}

/** Where `name` stands, so does one of `others`. */
export const needs = (name: string, ...others: string[]): Invariant => {
  const given = exists(name);
  const met = some(...others);
  return (it, at) => !given(it) || met(it, at);
};

/** Where `name` stands, none of `others` does. */
export const excludes = (name: string, ...others: string[]): Invariant => {
  const given = exists(name);
  const met = some(...others);
  return (it, at) => !given(it) || !met(it, at);
};

/** The invariant `then` holds where the child `name` is one of `values`. */
export const when = (name: string, values: readonly string[], then: Invariant): Invariant => {
  return (it, at) => {
    const value = text(it, name);
    return value === undefined || !values.includes(value) || then(it, at);
  };
};

/** The invariant `then` holds unless the child `name` is one of `values`. */
export const unless = (name: string, values: readonly string[], then: Invariant): Invariant => {
  return (it, at) => values.includes(text(it, name) ?? '') || then(it, at);
};

export const both =
  (...rules: Invariant[]): Invariant =>
  (it, at) =>
    rules.every((rule) => rule(it, at));

/** `rule` holds for every repetition of the child. */
export const each =
  (name: string, rule: Invariant): Invariant =>
  (it, at) =>
    list(it, name).every((item) => rule(item, at));

/** isDistinct(); undefined ones do not count. */
export function distinct(values: readonly (string | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size === given.length;
}

/** start <= end as far as the precisions tell. */
export function inOrder(start: JsonValue | undefined, end: JsonValue | undefined): boolean {
  if (typeof start !== 'string' || typeof end !== 'string') return true;
  const from = dateRange(start);
  const to = dateRange(end);
  return !from || !to || from.lo <= to.hi;
}

/** True where a CodeableConcept has a coding of the system with one of the codes. */
export function hasCoding(concept: JsonObject, system: string, codes: readonly string[]): boolean {
  return list(concept, 'coding').some(
    (coding) => coding.system === system && codes.includes(text(coding, 'code') ?? ''),
  );
}
