import { bareCodes } from './bare-codes.ts';
import type { Definitions, SearchParamDef } from './definitions.ts';
import { compileComposite } from './extract-composite.ts';
import { addContained, type Inside } from './extract-contained.ts';
import { compileRows, type ParamScope, type RowRunner } from './extract-param.ts';
import { type Extracted, emptyExtracted } from './extract-shape.ts';
import { addWords } from './extract-string.ts';
import type { Runner } from './fhirpath-branch.ts';
import { paramKey } from './terms.ts';
import type { Resource } from './types.ts';

export { type CompositePlan, compositePlan } from './extract-composite.ts';
export type { Extracted, NumberRow, Unit } from './extract-shape.ts';

export interface ExtractorOptions {
  /** Minutes east of UTC for dates without a zone; default 0. */
  zone?: number;
  /** Own base urls: absolute references below them are local. */
  bases?: readonly string[];
  /** Is told of each evaluation that failed, by the parameter and the type it was asked of. */
  onFault?: (type: string, code: string) => void;
}

export interface Extractor {
  /**
   * What a resource is found by: its words, targets and rows for every parameter of its type but
   * `_id`, `_lastUpdated` (columns), those that others stand for (`SearchParamDef.keys`), and full
   * text. An unknown type yields nothing.
   */
  extract(resource: Resource): Extracted;
  /** Targets of one reference parameter, as in `Extracted.references`; empty for other parameters. */
  references(resource: Resource, code: string): string[];
  /** Forgets what was compiled for a type (or all) after its parameters have changed. */
  forget(type?: string): void;
  /** Evaluations of expressions that failed so far, which found nothing, and why the last one did. */
  readonly faults: { count: number; last?: string };
}

/** Columns or text, not rows of the index. */
const NOT_INDEXED: ReadonlySet<string> = new Set(
  '_id _lastUpdated _content _text _filter _query _list _has _type'.split(' '),
);

/** Up to here comparing each with each is cheaper than a Set. */
const FEW = 16;

/** Drops what a parameter put twice: list[start..] is one parameter's. */
function dedupe<T>(list: T[], start: number, text: (item: T) => string): void {
  const count = list.length - start;
  if (count < 2) return;
  const few: string[] = [];
  const many = count > FEW ? new Set<string>() : undefined;
  let end = start;
  for (let i = start; i < list.length; i++) {
    const item = list[i] as T;
    const word = text(item);
    if (many ? many.has(word) : few.includes(word)) continue;
    if (many) many.add(word);
    else few.push(word);
    list[end++] = item;
  }
  list.length = end;
}

const itself = (word: string): string => word;
const targetOf = (row: Extracted['references'][number]): string => row.target;
const textOf = (row: Extracted['texts'][number]): string => row.value;
const stringOf = ({ key, value, original }: Extracted['strings'][number]): string =>
  `${key}\u0001${original ?? value}`;

/** The function of a parameter, without what it puts twice. */
function distinct({ run, repeats }: RowRunner): Runner<Extracted> {
  if (!repeats) return run;
  return (context, root, out) => {
    const { tokens, references, strings, texts } = out;
    const token = tokens.length;
    const reference = references.length;
    const string = strings.length;
    const text = texts.length;
    run(context, root, out);
    dedupe(tokens, token, itself);
    dedupe(references, reference, targetOf);
    dedupe(strings, string, stringOf);
    dedupe(texts, text, textOf);
    addWords(strings, string);
  };
}

/** The patient of the first local target among the rows from `start` on. */
function patientFrom(out: Extracted, start: number): string | undefined {
  for (let i = start; i < out.references.length; i++) {
    const target = out.references[i]?.target;
    if (target?.startsWith('Patient/')) return target;
  }
  return undefined;
}

function withPatient(run: Runner<Extracted>): Runner<Extracted> {
  return (context, root, out) => {
    const start = out.references.length;
    run(context, root, out);
    const patient = patientFrom(out, start);
    if (patient !== undefined) out.main.patient = patient;
  };
}

interface Site {
  definitions: Definitions;
  zone: number;
  bases: readonly string[];
  onFault(type: string, code: string, message: string): void;
}

function scopeOf(
  { definitions, zone, bases, onFault }: Site,
  type: string,
  def: SearchParamDef,
): ParamScope {
  return {
    ...{ definitions, bases, zone },
    path: { types: definitions.types, context: type },
    key: paramKey(type, def.code),
    onFault: (message) => onFault(type, def.code, message),
  };
}

function compileParam(site: Site, type: string, def: SearchParamDef): RowRunner | undefined {
  const main = site.definitions.main(type);
  const scope = scopeOf(site, type, def);
  if (def.type === 'composite') return compileComposite(type, def, scope);
  const bare = bareCodes(site.definitions, type, def) !== undefined;
  const divided = def.keys !== undefined;
  const rows = compileRows(def, { ...scope, main: def.code === main.date, bare, divided });
  if (!rows || def.type !== 'reference' || def.code !== main.patient) return rows;
  return { ...rows, run: withPatient(rows.run) };
}

/** Whether other parameters of the type hold all that this one finds. */
const isElsewhere = ({ keys, code }: SearchParamDef): boolean =>
  keys !== undefined && !keys.includes(code);

function isIndexed(def: SearchParamDef): boolean {
  return !NOT_INDEXED.has(def.code) && def.expression !== '' && !isElsewhere(def);
}

const sizeOf = (out: Extracted): number =>
  out.tokens.length +
  out.references.length +
  out.strings.length +
  out.numbers.length +
  out.dates.length +
  out.texts.length +
  out.fragments.length +
  (out.main.date ? 1 : 0);

/** A compiled parameter, with its code where it counts for `Extracted.present`. */
interface Param {
  code: string | undefined;
  run: Runner<Extracted>;
}

function extractAll(params: readonly Param[], resource: Resource): Extracted {
  const out = emptyExtracted();
  let size = 0;
  for (const { code, run } of params) {
    run(resource, resource, out);
    const now = sizeOf(out);
    if (now > size && code !== undefined) out.present.push(code);
    size = now;
  }
  return out;
}

/** In the order of the codes, so that `Extracted.present` is sorted. */
function compileType(site: Site, type: string): Param[] {
  if (!site.definitions.types.has(type)) return [];
  const defs = [...site.definitions.searchParams(type).values()].filter(isIndexed);
  defs.sort((a, b) => (a.code < b.code ? -1 : 1));
  return defs.flatMap((def) => {
    const rows = compileParam(site, type, def);
    if (!rows) return [];
    // A composite is never missing by itself (R4 3.1.1.4.4): its components are.
    const code = def.type === 'composite' ? undefined : def.code;
    return [{ code, run: distinct(rows) }];
  });
}

/** The function of one reference parameter alone. */
function compileReference(site: Site, type: string, code: string): Runner<Extracted> | undefined {
  const def = site.definitions.searchParams(type).get(code);
  if (def?.type !== 'reference' || def.expression === '') return undefined;
  const rows = compileRows(def, scopeOf(site, type, def));
  return rows && distinct(rows);
}

/** Makes the function that extracts search rows; a type is compiled when its first resource comes. */
export function createExtractor(
  definitions: Definitions,
  options: ExtractorOptions = {},
): Extractor {
  const bases = (options.bases ?? []).map((base) => base.replace(/\/+$/, ''));
  const faults: Extractor['faults'] = { count: 0 };
  const onFault: Site['onFault'] = (type, code, message) => {
    faults.count += 1;
    faults.last = message;
    options.onFault?.(type, code);
  };
  const site: Site = { definitions, bases, zone: options.zone ?? 0, onFault };
  const compiled = new Map<string, Param[]>();
  const single = new Map<string, Runner<Extracted> | undefined>();

  function paramsOf(type: string): Param[] {
    const known = compiled.get(type);
    if (known) return known;
    const params = compileType(site, type);
    compiled.set(type, params);
    return params;
  }

  function referenceRunner(type: string, code: string): Runner<Extracted> | undefined {
    const name = `${type}.${code}`;
    if (!single.has(name)) single.set(name, compileReference(site, type, code));
    return single.get(name);
  }

  const inside: Inside = {
    extract: (resource) => extractAll(paramsOf(resource.resourceType), resource),
    dateKey: (type) => paramKey(type, definitions.main(type).date ?? ''),
  };

  return {
    faults,
    extract(resource) {
      const out = extractAll(paramsOf(resource.resourceType), resource);
      if (out.fragments.length > 0) {
        addContained(resource, out, inside);
      }
      if (resource.resourceType === 'Patient' && resource.id !== undefined) {
        out.main.patient = `Patient/${resource.id}`;
      }
      return out;
    },
    references(resource, code) {
      const out = emptyExtracted();
      referenceRunner(resource.resourceType, code)?.(resource, resource, out);
      return out.references.map(targetOf);
    },
    forget(type) {
      if (type === undefined) compiled.clear();
      else compiled.delete(type);
      single.clear();
    },
  };
}
