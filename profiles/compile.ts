import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CompartmentDefinition, OperationDefinition } from '@medplum/fhirtypes';
import type { CompartmentDef, OperationDef } from '../server/fhir/definitions.ts';
import type { MainRow, SearchRow, TypeRow, ValueSetRow } from '../server/fhir/load-definitions.ts';
import { mainColumns } from './compile-main.ts';
import { compileSearch } from './compile-search.ts';
import { byText, readSource, type Source } from './compile-source.ts';
import { compileTypes } from './compile-types.ts';
import { listValueSet, sortListing } from './compile-values.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const TYPE_SETS = ['resource-types', 'defined-types', 'all-types', 'data-types'];

/**
 * Compiles the R4 definitions named in `sources.json` into the artefacts that
 * `server/fhir/load-definitions.ts` reads. The same input gives the same bytes.
 *
 * @param target folder the artefacts are written to; made where it is missing
 * @returns bytes written by file name
 * @throws Error where the definitions contradict each other
 */
export function compile(target: string): Record<string, number> {
  const source = readSource(...packageFolder());
  const { rows, constraints } = compileTypes(source.structures);
  const search = compileSearch(source.searchParameters, rows);
  const artefacts: Record<string, string> = {
    types: list(rows),
    constraints: dictionary(constraints),
    'search-parameters': list(search),
    'main-columns': list(mainRows(rows, search)),
    compartments: list(source.compartments.map(compartment)),
    operations: list(source.operations.map(operation)),
    'value-sets': list(valueSets(rows, source)),
  };
  mkdirSync(target, { recursive: true });
  const sizes: Record<string, number> = {};
  for (const [name, text] of Object.entries(artefacts)) {
    writeFileSync(join(target, `${name}.json`), text);
    sizes[`${name}.json`] = Buffer.byteLength(text);
  }
  return sizes;
}

function packageFolder(): [folder: string, version: string] {
  const sources = JSON.parse(readFileSync(join(HERE, 'sources.json'), 'utf8')) as {
    packages: { name: string; version: string }[];
  };
  const [one] = sources.packages;
  if (!one) throw new Error('profiles/sources.json names no package');
  const found = createRequire(import.meta.url).resolve(`${one.name}/package.json`);
  return [dirname(found), one.version];
}

function mainRows(rows: readonly TypeRow[], search: readonly SearchRow[]): MainRow[] {
  return rows
    .filter((row) => row.kind === 'resource' && !row.abstract)
    .map(({ name }) => ({
      type: name,
      ...mainColumns(
        name,
        search.filter((one) => one.base === name),
      ),
    }));
}

function compartment(published: CompartmentDefinition): CompartmentDef {
  const linked = (published.resource ?? []).filter((one) => one.param && one.param.length > 0);
  return {
    code: published.code ?? '',
    resources: Object.fromEntries(linked.map((one) => [one.code ?? '', one.param ?? []])),
  };
}

function operation(published: OperationDefinition): OperationDef {
  return {
    url: published.url ?? '',
    code: published.code ?? '',
    system: published.system ?? false,
    type: published.type ?? false,
    instance: published.instance ?? false,
    resource: published.resource ?? [],
    affectsState: published.affectsState ?? false,
  };
}

/** The sets behind required bindings, and those that list the types of R4. */
function valueSets(rows: readonly TypeRow[], source: Source): ValueSetRow[] {
  const bound = rows.flatMap((row) => row.elements).flatMap((element) => element.binding ?? []);
  const named = TYPE_SETS.map((id) => `http://hl7.org/fhir/ValueSet/${id}`);
  return [...new Set([...bound, ...named])].sort(byText).flatMap((url) => {
    const listing = listValueSet(url, source);
    return listing ? [{ url, codes: sortListing(listing) }] : [];
  });
}

/** One record per line, so that a change of the standard reads as a diff. */
function list(records: readonly unknown[]): string {
  return `[\n${records.map((record) => JSON.stringify(record)).join(',\n')}\n]\n`;
}

function dictionary(records: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(records).map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(',\n')}\n}\n`;
}

if (import.meta.main) {
  for (const [name, bytes] of Object.entries(compile(join(HERE, 'compiled')))) {
    process.stdout.write(`${name} ${bytes} bytes\n`);
  }
}
