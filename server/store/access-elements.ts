import type { Definitions } from '../fhir/definitions.ts';
import { asResource, parseJson, stringify } from '../fhir/json.ts';
import { tagged } from '../fhir/summary.ts';
import type { Resource } from '../fhir/types.ts';
import type { Access, Interaction, Rule } from './access.ts';
import { ruleTerm } from './access.ts';
import { fitting } from './access-check.ts';
import {
  commonPaths,
  hiddenBy,
  type Outline,
  outlineOf,
  type Path,
  without,
} from './access-element-paths.ts';
import { fitsContent, type Looks } from './access-fits.ts';
import type { Context } from './context.ts';
import type { Actor, SearchPage, Store, Version } from './store.ts';

/**
 * Elements that an actor does not see are taken out before a text leaves the store: those that are
 * hidden by all rules that give the actor the resource. Types of which nothing is hidden cost nothing.
 */

/** How the rules that show resources of a type treat its elements. */
interface View {
  rules: readonly Rule[];
  /** What each of the rules hides. */
  hidden: readonly (readonly Path[])[];
  /** Whether the same is hidden whichever of them fits. */
  uniform: boolean;
}

const SHOWING: readonly Interaction[] = ['r', 's'];
const views = new WeakMap<Access, Map<string, View | undefined>>();

/** Undefined where nothing of the type is hidden from whoever may see any of it. */
function viewOf(definitions: Definitions, access: Access, type: string): View | undefined {
  const known = views.get(access) ?? new Map<string, View | undefined>();
  views.set(access, known);
  if (!known.has(type)) known.set(type, makeView(definitions, type, access.rules(type)));
  return known.get(type);
}

function makeView(definitions: Definitions, type: string, all: readonly Rule[]): View | undefined {
  if (!all.some(({ hidden = [] }) => hidden.length > 0)) return undefined;
  const showing = all.filter((rule) => SHOWING.some((one) => rule.interactions.has(one)));
  // Who may only write sees nothing but what comes back from that.
  const rules = showing.length > 0 ? showing : all;
  const hidden = rules.map((rule) => hiddenBy(definitions, type, rule));
  const isShownWhole = rules.some(({ where }, i) => where.length + (hidden[i]?.length ?? 0) === 0);
  if (isShownWhole) return undefined;
  const always = new Set(commonPaths(hidden).map(String));
  const uniform = hidden.every((paths) => paths.every((path) => always.has(String(path))));
  return { rules, hidden, uniform };
}

/** Whom the versions are for, and with what they are judged. */
export interface Eyes extends Looks {
  actor: Actor;
  /** They are those that stand: what the index does not find of them does not fit. */
  current?: true;
}

/** For what is looked at outside of a transaction. */
const eyesOf = (context: Context, actor: Actor): Eyes => ({
  ...{ context, run: context.db.steady, known: new Map(), actor },
});

/** For what was just read as it stands. */
export const eyesOnCurrent = (context: Context, actor: Actor): Eyes => ({
  ...{ ...eyesOf(context, actor), current: true },
});

/** The versions as the actor sees them; their texts say SUBSETTED where something is left out. */
export async function veiled(eyes: Eyes, versions: readonly Version[]): Promise<Version[]> {
  const outlines = await outlinesOf(eyes, versions);
  return versions.map((version) => {
    const outline = outlines.get(version);
    return outline ? { ...version, content: veiledText(version.content, outline) } : version;
  });
}

const veiledText = (content: string, outline: Outline): string =>
  stringify(tagged(without(asResource(parseJson(content)), outline) as Resource));

/** What the actor does not see of each of the versions; none for those that it sees whole. */
export async function outlinesOf(
  eyes: Eyes,
  versions: readonly Version[],
): Promise<Map<Version, Outline>> {
  const found = new Map<Version, Outline>();
  const { access } = eyes.actor;
  if (!access) return found;
  const { definitions } = eyes.context;
  const shown = versions.filter(({ content }) => content !== '');
  for (const [type, group] of Map.groupBy(shown, (version) => version.type)) {
    const view = viewOf(definitions, access, type);
    if (!view) continue;
    const fits = view.uniform ? undefined : await fittingRules(eyes, view.rules, group);
    for (const version of group) {
      const paths = hiddenOf(view, fits?.get(version));
      if (paths.length > 0) found.set(version, outlineOf(definitions, type, paths));
    }
  }
  return found;
}

/** Where no rule is known to fit, what any of them hides is hidden. */
function hiddenOf({ rules, hidden }: View, fits: ReadonlySet<Rule> | undefined): Path[] {
  if (fits?.size === 0) return withCopies(hidden.flat());
  return withCopies(commonPaths(hidden.filter((_, i) => !fits || fits.has(rules[i] as Rule))));
}

/** The narrative and contained resources may say again what is hidden. */
const withCopies = (paths: Path[]): Path[] =>
  paths.length === 0 ? paths : [...paths, ['text'], ['contained']];

/** Those of the rules of a type that fit each of the versions, which may be old or not yet stored. */
export async function fittingRules(
  looks: Pick<Eyes, keyof Looks | 'current'>,
  rules: readonly Rule[],
  versions: readonly Version[],
): Promise<Map<Version, Set<Rule>>> {
  const fits = new Map(versions.map((version) => [version, new Set<Rule>()]));
  for (const rule of rules) {
    for (const version of await fittingVersions(looks, rule, versions))
      fits.get(version)?.add(rule);
  }
  return fits;
}

/** Current ones by looking them up all at once, others one by one by their contents. */
async function fittingVersions(
  looks: Pick<Eyes, keyof Looks | 'current'>,
  rule: Rule,
  versions: readonly Version[],
): Promise<readonly Version[]> {
  if (rule.where.length === 0) return versions;
  const { context, run } = looks;
  const term = ruleTerm(rule);
  const keys = versions.map(({ type, id }) => String(context.hasher.row(type, id)));
  const types = [...new Set(versions.map(({ type }) => type))];
  const stored = await fitting(context, run, keys, { kind: 'typed', of: [{ types, term }] });
  const fit: Version[] = [];
  for (const [i, version] of versions.entries()) {
    if (stored.get(keys[i] as string) === version.version) fit.push(version);
    else if (!looks.current) {
      const resource = asResource(parseJson(version.content));
      if ((await fitsContent(looks, resource, term)) === true) fit.push(version);
    }
  }
  return fit;
}

/** Rows whose content stands in this column, as the actor sees them. */
export async function veiledRows(
  eyes: Eyes,
  rows: readonly (readonly unknown[])[],
  toVersion: (row: readonly unknown[]) => Version,
  column: number,
): Promise<readonly (readonly unknown[])[]> {
  if (!eyes.actor.access) return rows;
  const versions = rows.map(toVersion);
  const seen = await veiled(eyes, versions);
  return rows.map((row, i) => {
    const content = seen[i]?.content;
    return seen[i] === versions[i] ? row : row.with(column, content);
  });
}

/** A page as the actor sees it. */
export async function veiledPage(
  context: Context,
  actor: Actor,
  page: SearchPage,
): Promise<SearchPage> {
  if (!actor.access) return page;
  const eyes = eyesOnCurrent(context, actor);
  const matches = await veiled(eyes, page.matches);
  return { ...page, matches, included: await veiled(eyes, page.included) };
}

/** The verbs that read by name, with what an actor does not see taken out. */
export function veiledReads(
  context: Context,
  inner: Pick<Store, 'read' | 'vread' | 'history'>,
): Pick<Store, 'read' | 'vread' | 'history'> {
  const one = async (eyes: Eyes, work: Promise<Version>): Promise<Version> => {
    const [seen] = await veiled(eyes, [await work]);
    return seen as Version;
  };
  const isWhole = ({ access }: Actor, type: string): boolean =>
    !access || !viewOf(context.definitions, access, type);
  return {
    read: (actor, type, id) => {
      const work = inner.read(actor, type, id);
      return isWhole(actor, type) ? work : one(eyesOnCurrent(context, actor), work);
    },
    vread: (actor, type, id, versionId) => {
      const work = inner.vread(actor, type, id, versionId);
      return isWhole(actor, type) ? work : one(eyesOf(context, actor), work);
    },
    history: async (actor, query) => {
      const page = await inner.history(actor, query);
      if (!actor.access) return page;
      return { ...page, versions: await veiled(eyesOf(context, actor), page.versions) };
    },
  };
}
