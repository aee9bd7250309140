import type { JsonObject } from './types.ts';
import {
  child,
  distinct,
  each,
  exists,
  list,
  type Rules,
  some,
  text,
  when,
} from './validate-rules.ts';

/** Invariants of StructureDefinition (R4 5.3.6). */

const FHIR = 'http://hl7.org/fhir/StructureDefinition';
const SYSTEM_TYPE = /^http:\/\/hl7\.org\/fhirpath\/System\.[A-Z][A-Za-z]+$/;

const elements = (it: JsonObject, view: string): JsonObject[] => list(child(it, view), 'element');
const paths = (it: JsonObject, view: string): string[] =>
  elements(it, view).map((one) => text(one, 'path') ?? '');
const allElements = (it: JsonObject): JsonObject[] => [
  ...elements(it, 'snapshot'),
  ...elements(it, 'differential'),
];
const isRoot = (one: JsonObject): boolean => !text(one, 'path')?.includes('.');
const isLogical = (it: JsonObject): boolean => it.kind === 'logical';
const isOwn = (it: JsonObject): boolean => text(it, 'url')?.startsWith(FHIR) === true;
const ids = (it: JsonObject, view: string): (string | undefined)[] =>
  elements(it, view).map((one) => text(one, 'id'));
const hasDefault = exists('defaultValue[x]');

function typesMatch(list_: readonly JsonObject[], pattern: RegExp): boolean {
  return list_.every((one) =>
    list(one, 'type').every((type) => {
      const code = text(type, 'code') ?? 'x';
      return pattern.test(code) || SYSTEM_TYPE.test(code);
    }),
  );
}

/** All but the first path lie below `root`. */
const below = (all: readonly string[], root: string): boolean =>
  all.slice(1).every((path) => path.startsWith(`${root}.`));

export const structureRules: Rules = {
  'sdf-1': (it) => it.derivation === 'constraint' || distinct(paths(it, 'snapshot')),
  'sdf-2': some('name', 'uri'),
  'sdf-3': each(
    'element',
    (it) => exists('definition')(it) && exists('min')(it) && exists('max')(it),
  ),
  'sdf-4': (it) => it.abstract === true || exists('baseDefinition')(it),
  'sdf-5': when('type', ['Extension'], (it) => {
    return it.derivation === 'specialization' || it.context !== undefined;
  }),
  'sdf-6': some('snapshot', 'differential'),
  'sdf-8': (it, { resource }) => {
    const all = list(it, 'element').map((one) => text(one, 'path') ?? '');
    const first = all[0] ?? '';
    return (isLogical(resource) || first === resource.type) && below(all, first);
  },
  'sdf-8a': (it, { resource }) => {
    const all = list(it, 'element').map((one) => text(one, 'path') ?? '');
    const first = all[0] ?? '';
    if (!isLogical(resource) && !first.startsWith(text(resource, 'type') ?? '')) return false;
    return below(all, first.replace(/\..*/, ''));
  },
  'sdf-8b': each('element', exists('base')),
  'sdf-9': (it) =>
    allElements(it)
      .filter(isRoot)
      .every(
        (one) => !exists('label')(one) && one.code === undefined && !exists('requirements')(one),
      ),
  'sdf-10': (it) => {
    const binding = child(it, 'binding');
    return (
      it.binding === undefined || exists('valueSet')(binding) || exists('description')(binding)
    );
  },
  'sdf-11': (it) =>
    isLogical(it) || it.snapshot === undefined || paths(it, 'snapshot')[0] === it.type,
  'sdf-14': (it) => allElements(it).every((one) => one.id !== undefined),
  'sdf-15': (it) => isLogical(it) || elements(it, 'snapshot')[0]?.type === undefined,
  'sdf-15a': (it) => {
    const first = elements(it, 'differential')[0];
    return isLogical(it) || first === undefined || !isRoot(first) || first.type === undefined;
  },
  'sdf-16': (it) => distinct(ids(it, 'snapshot')),
  'sdf-17': (it) => distinct(ids(it, 'differential')),
  'sdf-18': (it) => it.contextInvariant === undefined || it.type === 'Extension',
  'sdf-19': (it) =>
    !isOwn(it) ||
    (typesMatch(elements(it, 'differential'), /^[a-zA-Z0-9]+$/) &&
      typesMatch(elements(it, 'snapshot'), /^[a-zA-Z0-9.]+$/)),
  'sdf-20': each('element', (it) => !isRoot(it) || it.slicing === undefined),
  'sdf-21': (it) =>
    it.derivation === 'specialization' || !elements(it, 'differential').some(hasDefault),
  'sdf-22': (it) => !isOwn(it) || !allElements(it).some(hasDefault),
  'sdf-23': (it) => allElements(it).every((one) => !isRoot(one) || !exists('sliceName')(one)),
};
