import type { Definitions } from '../fhir/definitions.ts';
import { type PathNode, parsePath, Refused } from '../fhir/fhirpath-parse.ts';
import type { Term } from '../fhir/query.ts';
import { hierarchyParam } from '../fhir/query-terms.ts';
import type { Path } from './access-element-paths.ts';

/** Which search parameters the terms of a search read, and which elements these read. */

/** Codes of parameters by the type whose resources they are read from; EVERYTHING for full text. */
export type Reads = ReadonlyMap<string, ReadonlySet<string>>;

export const EVERYTHING = '*';

interface Reader {
  definitions: Definitions;
  reads: Map<string, Set<string>>;
}

/** @param terms as they were parsed: before anything was looked up or bound */
export function readsOf(
  definitions: Definitions,
  types: readonly string[],
  terms: readonly Term[],
): Reads {
  const reader: Reader = { definitions, reads: new Map() };
  for (const term of terms) read(reader, types, term);
  return reader.reads;
}

function add({ reads }: Reader, types: readonly string[], code: string | undefined): void {
  if (code === undefined) return;
  for (const type of types) {
    const codes = reads.get(type) ?? new Set();
    reads.set(type, codes.add(code));
  }
}

/** What all keys and words begin with (`paramKey`): the type unless every type has the parameter. */
const KEY = /^(?:([A-Z][A-Za-z]*)\.)?([A-Za-z_][\w-]*)/;

function addKey(reader: Reader, types: readonly string[], key: string): void {
  const [, type, code = EVERYTHING] = KEY.exec(key) ?? [];
  add(reader, type === undefined ? types : [type], code);
}

/** Of the columns of the search row, which hold something else for each type. */
function addColumn(reader: Reader, types: readonly string[], column: 'patient' | 'date'): void {
  for (const type of types) add(reader, [type], reader.definitions.main(type)[column]);
}

function read(reader: Reader, types: readonly string[], term: Term): void {
  const { definitions } = reader;
  const keys = (list: readonly string[]): void => {
    for (const key of list) addKey(reader, types, key);
  };
  switch (term.kind) {
    case 'id':
    case 'lastUpdated':
      return;
    case 'words':
      return keys(term.words);
    case 'string':
    case 'exact':
    case 'texts':
    case 'number':
    case 'pair':
      return keys(term.keys);
    case 'date':
      if (term.main) addColumn(reader, types, 'date');
      return keys(term.keys);
    case 'near':
      return keys([term.key]);
    case 'references':
      if (term.patient) addColumn(reader, types, 'patient');
      return keys([term.key]);
    case 'chain':
      if (term.patient) addColumn(reader, types, 'patient');
      keys([term.key]);
      for (const { type, where } of term.targets) readAll(reader, [type], where);
      return;
    case 'has':
      if (term.patient) addColumn(reader, [term.source], 'patient');
      addKey(reader, [term.source], term.key);
      return readAll(reader, [term.source], term.where);
    case 'present':
      for (const code of term.codes) add(reader, [term.type], code);
      return;
    case 'any':
    case 'all':
      return readAll(reader, types, term.terms);
    case 'not':
      return read(reader, types, term.term);
    case 'typed':
      for (const one of term.of) if (one.term) read(reader, one.types, one.term);
      return;
    case 'codes':
      add(reader, [term.type], term.code);
      return add(reader, ['ValueSet', 'CodeSystem'], EVERYTHING);
    case 'hierarchy': {
      add(reader, [term.type], term.code);
      const [type = ''] = term.target.split('/', 1);
      return add(reader, [type], hierarchyParam(definitions, type)?.code);
    }
    default:
      // Full text; and what was looked up already, which says no more what it came from.
      return add(reader, types, EVERYTHING);
  }
}

function readAll(reader: Reader, types: readonly string[], terms: readonly Term[]): void {
  for (const term of terms) read(reader, types, term);
}

/** The elements that a parameter reads of resources of the type; `all` where that cannot be told. */
export function elementsRead(
  definitions: Definitions,
  type: string,
  code: string,
): readonly Path[] | 'all' {
  const def = definitions.searchParams(type).get(code);
  if (!def || def.expression === '') return 'all';
  try {
    const { ends, conditions } = pathsOf(def.expression, [ROOT]);
    if (!def.components) return [...ends, ...conditions];
    const parts = def.components.map(({ expression }) => pathsOf(expression, ends));
    return [...conditions, ...parts.flatMap((one) => [...one.ends, ...one.conditions])];
  } catch (error) {
    if (error instanceof Refused) return 'all';
    throw error;
  }
}

const ROOT: Path = [];

/** Where an expression leads, and what it looks at on the way. */
function pathsOf(expression: string, from: readonly Path[]): { ends: Path[]; conditions: Path[] } {
  const conditions: Path[] = [];
  const ends = follow(parsePath(expression), from, conditions);
  return { ends, conditions };
}

/** Casts stay at the element; these lead to whatever is below it. */
const ANYWHERE: readonly string[] = ['children', 'descendants', 'repeat'];
const CASTS: readonly string[] = ['ofType', 'as', 'is'];

function follow(node: PathNode, here: readonly Path[], conditions: Path[]): Path[] {
  switch (node.kind) {
    case 'literal':
      return [];
    case 'this':
      return [...here];
    case 'resource':
      return [ROOT];
    case 'member': {
      if (/^[A-Z]/.test(node.name)) return [ROOT];
      return follow(node.of, here, conditions).map((path) => [...path, node.name]);
    }
    case 'call':
      return followCall(node, here, conditions);
    case 'index':
    case 'cast':
      return follow(node.of, here, conditions);
    case 'binary': {
      const sides = [node.left, node.right].flatMap((side) => follow(side, here, conditions));
      if (node.op === '|') return sides;
      conditions.push(...sides);
      return [];
    }
  }
}

function followCall(
  { of, name, args }: Extract<PathNode, { kind: 'call' }>,
  here: readonly Path[],
  conditions: Path[],
): Path[] {
  if (ANYWHERE.includes(name)) throw new Refused(name);
  const from = follow(of, here, conditions);
  if (CASTS.includes(name)) return from;
  // What is referred to is another resource, with conditions of its own.
  if (name === 'resolve') return [];
  if (name === 'extension') return from.map((path) => [...path, name]);
  const inner = args.flatMap((arg) => follow(arg, from, conditions));
  conditions.push(...inner);
  return name === 'select' ? inner : from;
}
