import type { Definitions, SearchParamDef } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery } from '../fhir/query.ts';
import { isReference } from '../fhir/query-param.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Access, Interaction, Rule } from './access.ts';
import { hiddenBy, overlap } from './access-element-paths.ts';
import { EVERYTHING, elementsRead, type Reads, readsOf } from './access-element-reads.ts';
import type { Actor, EverythingQuery } from './store.ts';

/**
 * Hidden elements have no influence: what reads one finds nothing among the resources that are shown
 * without it, and is refused where they all are. That hangs on types and parameters, never on data.
 */

type Limited = Pick<Actor, 'access'>;

/** Who may ask a search, and what of it is not followed. */
export interface Asking {
  /** With the rules only that show all that the search reads of their types. */
  asker: Limited;
  /** Reference parameters that an include of all leaves out. */
  concealed?: ReadonlySet<string>;
}

/** @throws FhirError forbidden for a parameter, sort key or include that reads what is always hidden */
export function askingFor(definitions: Definitions, access: Access, query: SearchQuery): Asking {
  const types = hidingTypes(definitions, access);
  if (types.length === 0) return { asker: { access } };
  const hiding: Hiding = { definitions, access, types };
  const reads = readsOf(definitions, query.types, query.where);
  refuseUnreadable(hiding, query, reads);
  refuseSort(hiding, query);
  const concealed = concealedWays(hiding, query);
  return { asker: limitedTo(hiding, reads), ...(concealed && { concealed }) };
}

/** Whose record may be asked for: the rules that show what makes a resource part of it. */
export function askingForRecord(
  definitions: Definitions,
  actor: Limited,
  { type: root, period }: EverythingQuery,
): Limited {
  const { access } = actor;
  const types = access ? hidingTypes(definitions, access) : [];
  if (!access || types.length === 0) return actor;
  const links = definitions.compartments.get(root)?.resources ?? {};
  const codesOf = (type: string): Set<string> => {
    const { patient, date } = definitions.main(type);
    const dates = period ? [date ?? '', 'onset-date'] : [];
    const codes = [...(links[type] ?? []), patient ?? '', ...dates];
    return new Set(codes.filter((code) => definitions.searchParams(type).has(code)));
  };
  const reads = new Map(types.map((type) => [type, codesOf(type)]));
  return limitedTo({ definitions, access, types }, reads);
}

interface Hiding {
  definitions: Definitions;
  access: Access;
  /** Types of which some rule hides something. */
  types: readonly string[];
}

const known = new WeakMap<Access, readonly string[]>();

function hidingTypes({ resourceTypes }: Definitions, access: Access): readonly string[] {
  const types =
    known.get(access) ??
    resourceTypes.filter((type) => access.rules(type).some(({ hidden = [] }) => hidden.length > 0));
  known.set(access, types);
  return types;
}

/** Whether the resources that the rule gives are shown with all that the parameters read. */
function shows(
  definitions: Definitions,
  { type, rule }: { type: string; rule: Rule },
  codes: ReadonlySet<string>,
): boolean {
  const hidden = hiddenBy(definitions, type, rule);
  if (hidden.length === 0) return true;
  return ![...codes].some((code) => {
    const elements = code === EVERYTHING ? 'all' : elementsRead(definitions, type, code);
    if (elements === 'all') return true;
    return elements.some((read) => hidden.some((path) => overlap(read, path)));
  });
}

function limitedTo({ definitions, access, types }: Hiding, reads: Reads): Limited {
  const left = new Map<string, readonly Rule[]>();
  for (const [type, codes] of reads) {
    if (!types.includes(type)) continue;
    const rules = access.rules(type);
    left.set(
      type,
      rules.filter((rule) => shows(definitions, { type, rule }, codes)),
    );
  }
  if (left.size === 0) return { access };
  return { access: narrowed(access, left) };
}

/** Few sorts of searches are asked over and over: what is known of an access is kept with it. */
const narrowedOnes = new WeakMap<Access, Map<string, Access>>();
const MOST_NARROWED = 100;

function narrowed(access: Access, left: ReadonlyMap<string, readonly Rule[]>): Access {
  const all = [...left].filter(([type, rules]) => rules.length < access.rules(type).length);
  if (all.length === 0) return access;
  const name = JSON.stringify(
    all.map(([type, rules]) => [type, rules.map((rule) => access.rules(type).indexOf(rule))]),
  );
  const own = narrowedOnes.get(access) ?? new Map<string, Access>();
  narrowedOnes.set(access, own);
  const known = own.get(name);
  if (known) return known;
  const made = { ...access, rules: (type: string) => left.get(type) ?? access.rules(type) };
  if (own.size < MOST_NARROWED) own.set(name, made);
  return made;
}

const gives = (rule: Rule, ...interactions: readonly Interaction[]): boolean =>
  interactions.some((one) => rule.interactions.has(one));

/** Types that were not asked for by name drop out of a search of all of them. */
function refuseUnreadable(hiding: Hiding, query: SearchQuery, reads: Reads): void {
  const { definitions, access, types } = hiding;
  const isAll = query.types.length === definitions.resourceTypes.length;
  const isOpen = isAll || (query.compartment !== undefined && query.types.length > 1);
  for (const [type, codes] of reads) {
    if (!types.includes(type) || (isOpen && query.types.includes(type))) continue;
    const rules = access.rules(type).filter((rule) => gives(rule, 's'));
    if (rules.length === 0 || rules.some((rule) => shows(definitions, { type, rule }, codes))) {
      continue;
    }
    const [first = EVERYTHING] = [...codes].filter((code) =>
      rules.some((rule) => !shows(definitions, { type, rule }, new Set([code]))),
    );
    throw unreadable(type, first, 'search');
  }
}

/** An order is told by all of its rows, so none may be shown without what they are sorted by. */
function refuseSort(hiding: Hiding, { types, sort }: SearchQuery): void {
  for (const type of types) {
    const code = sort.map((key) => key.code).find((one) => !showsAlways(hiding, type, one, 's'));
    if (code !== undefined) throw unreadable(type, code, 'sort');
  }
}

function showsAlways(
  { definitions, access, types }: Hiding,
  type: string,
  ...[code, ...interactions]: [string, ...Interaction[]]
): boolean {
  if (!types.includes(type)) return true;
  const rules = access.rules(type).filter((rule) => gives(rule, ...interactions));
  return rules.every((rule) => shows(definitions, { type, rule }, new Set([code])));
}

/** Includes along hidden references: refused where they are named, else left out. */
function concealedWays(hiding: Hiding, query: SearchQuery): Set<string> | undefined {
  const includes = [...query.include, ...query.revinclude];
  if (includes.length === 0) return undefined;
  const concealed = new Set<string>();
  for (const type of hiding.types) {
    for (const { code } of referencesOf(hiding, type)) {
      if (showsAlways(hiding, type, code, 'r', 's')) continue;
      if (includes.some((one) => one.source === type && one.code === code)) {
        throw unreadable(type, code, 'include');
      }
      concealed.add(paramKey(type, code));
    }
  }
  return concealed.size > 0 ? concealed : undefined;
}

const referencesOf = ({ definitions }: Hiding, type: string): SearchParamDef[] =>
  [...definitions.searchParams(type).values()].filter(isReference);

const VERBS = { search: 'search', sort: 'sort', include: 'follow references of' } as const;

function unreadable(type: string, code: string, verb: keyof typeof VERBS): FhirError {
  const what = code === EVERYTHING ? 'the words in it' : `"${code}"`;
  return new FhirError('forbidden', [
    {
      severity: 'error',
      code: 'forbidden',
      diagnostics:
        `You may not ${VERBS[verb]} ${type} by ${what}: that reads elements which you do not see. ` +
        'Leave it out.',
      expression: code === EVERYTHING ? type : `${type}.${code}`,
    },
  ]);
}
