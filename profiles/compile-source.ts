import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  CodeSystem,
  CompartmentDefinition,
  OperationDefinition,
  SearchParameter,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';

/** The published definitions that concern the base standard, each list sorted by url. */
export interface Source {
  structures: StructureDefinition[];
  searchParameters: SearchParameter[];
  compartments: CompartmentDefinition[];
  operations: OperationDefinition[];
  codeSystems: ReadonlyMap<string, CodeSystem>;
  valueSets: ReadonlyMap<string, ValueSet>;
}

const BASE = 'http://hl7.org/fhir';

/** Code-unit order: the same on every machine, whatever its locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Reads an unpacked FHIR package and keeps what defines R4 itself: no profiles, no extensions and
 * their search parameters, no examples.
 *
 * @param folder of the package, one resource per file named `Type-id.json`
 * @throws Error when the package is not the version that `sources.json` names
 */
export function readSource(folder: string, version: string): Source {
  const found = readJson<{ version: string }>(join(folder, 'package.json')).version;
  if (found !== version) {
    throw new Error(`${folder} is version ${found}; profiles/sources.json asks for ${version}`);
  }
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const all = <T extends { url?: string }>(type: string): T[] =>
    files
      .filter((name) => name.startsWith(`${type}-`))
      .map((name) => readJson<T>(join(folder, name)))
      .sort((a, b) => byText(a.url ?? '', b.url ?? ''));
  return {
    structures: all<StructureDefinition>('StructureDefinition').filter(isBaseType),
    searchParameters: all<SearchParameter>('SearchParameter').filter(isBaseParameter),
    compartments: all<CompartmentDefinition>('CompartmentDefinition').filter(isStandard),
    operations: all<OperationDefinition>('OperationDefinition').filter(isStandard),
    codeSystems: byUrl(all<CodeSystem>('CodeSystem')),
    valueSets: byUrl(all<ValueSet>('ValueSet')),
  };
}

/** Specialisations and the two roots; a logical model or a profile is not a type of the wire. */
function isBaseType(structure: StructureDefinition): boolean {
  return (
    structure.kind !== 'logical' &&
    structure.derivation !== 'constraint' &&
    structure.url === `${BASE}/StructureDefinition/${structure.type}`
  );
}

/** R4 marks the parameters of extensions and the examples, and no other, as experimental. */
function isBaseParameter(parameter: SearchParameter): boolean {
  return isStandard(parameter) && parameter.experimental !== true;
}

function isStandard(definition: { id?: string; url?: string; resourceType: string }): boolean {
  const { id, url, resourceType } = definition;
  return id !== 'example' && url === `${BASE}/${resourceType}/${id}`;
}

function byUrl<T extends { url?: string }>(list: T[]): Map<string, T> {
  return new Map(list.flatMap((one) => (one.url ? [[one.url, one] as const] : [])));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
