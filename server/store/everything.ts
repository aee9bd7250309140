import { loadSql, sqlList } from '../db/db.ts';
import type { Definitions } from '../fhir/definitions.ts';
import { parseJson } from '../fhir/json.ts';
import { isPatientColumn } from '../fhir/query-terms.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import type { Resource } from '../fhir/types.ts';
import { isConfined, type Limited } from './access.ts';
import { isOpen, readable } from './access-check.ts';
import { askingForRecord } from './access-element-search.ts';
import { eyesOnCurrent, veiledRows } from './access-elements.ts';
import { vidFloor } from './clock.ts';
import type { Context } from './context.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { addReferences, type Followed, followedTypes, targetsOf } from './everything-links.ts';
import { versionOf } from './rows.ts';
import type {
  Actor,
  CompartmentRoot,
  EverythingQuery,
  SearchPage,
  Store,
  Version,
} from './store.ts';

const membersSql = loadSql(import.meta.url, 'everything-members.sql');
const linkedSql = loadSql(import.meta.url, 'everything-linked.sql');

/** Ends of the 64-bit keys and times. */
const FIRST = '-9223372036854775808';
const LAST = '9223372036854775807';
/** The row behind a page that shows whether there are more. */
const ONE_MORE = 1;
/** Members read at a time where those of all pages are looked through. */
const CHUNK = 1000;
/** Members read at least where only some of them may be seen. */
const SOME = 100;
/** A fifth more than are expected to be needed, so that one look does for a page. */
const atLeastSome = (expected: number): number =>
  Math.min(CHUNK, Math.max(SOME, Math.ceil(expected * 1.2)));
/** Columns of a member: type, id, ver, vid, method, content, patient, seq. */
const VERSION = 2;
const CONTENT = 5;
const SEQ = 7;

/** The period is one of "care dates, not record currency dates" (R4), such as `recordedDate`. */
const ONSETS = [paramKey('Condition', 'onset-date')];

/** What the statements need to know of a compartment; the same for all its roots. */
interface Compartment {
  /** Salts of the parameters that lead to the root, without those the patient column stands for. */
  salts: readonly string[];
  followed: Followed;
  supporting: ReadonlySet<string>;
  /** Numbers of the types whose main date is none of care: a birth. */
  undated: string;
  /** Keys of dates of care of types whose main date is that of the record. */
  onsets: string;
}

/** One record as the statements see it. */
interface Focus {
  compartment: Compartment;
  query: EverythingQuery;
  rk: string;
  words: string;
  /** By what it is decided what of it is seen; absent: all is. */
  asker?: Limited;
  /** Whose pages these are: a cursor belongs to its access. */
  actor: Actor;
}

type Row = readonly unknown[];

/** Members come first, ordered by their seq; what they refer to follows, ordered by name. */
type Position = ['members', seq: string] | ['linked', name: string];

/**
 * R4 Patient-everything and Encounter-everything. The root comes first, then its compartment
 * (R4 CompartmentDefinition) with all else that is filed under the patient, newest first; at the end,
 * once, what these refer to and what that refers to (`everything-links.ts`). Members are paged by
 * their immutable seq; links are worked out anew from all members where the first page does not hold
 * these, so nothing is kept between pages and nothing comes twice.
 *
 * `_since` and the period choose among the members; links are those of the chosen ones whatever
 * their age, and what has changed `_since` among those of all. The root is always there (R4: "at a minimum"), unless `types` leave out its type.
 */
export class Everything {
  readonly #context: Context;
  readonly #reads: Pick<Store, 'read'>;
  readonly #compartments = new Map<CompartmentRoot, Compartment>();

  /** @param reads restricted to what an actor may see */
  constructor(context: Context, reads: Pick<Store, 'read'>) {
    this.#context = context;
    this.#reads = reads;
  }

  /** One page. Throws not-found, gone; invalid for a cursor that is not of this query. */
  async page(actor: Actor, query: EverythingQuery): Promise<SearchPage> {
    const { type, id } = query;
    const focus = this.#focusOf(actor, query);
    const position = this.#positionOf(focus);
    const hasRoot = position === undefined && wants(query, type);
    const room = query.count - (hasRoot ? 1 : 0);
    const behind = position === undefined ? LAST : position[1];
    const reading = this.#reads.read(actor, type, id);
    // Of what may not be seen nothing else is looked at.
    if (actor.access) await reading;
    const [root, rows] = await Promise.all([
      reading,
      position?.[0] === 'linked' ? [] : this.#members(focus, behind, room + ONE_MORE),
    ]);
    const shown = rows.slice(0, room);
    const page: SearchPage = { matches: hasRoot ? [root] : [], included: [], issues: [] };
    for (const row of shown) page.matches.push(this.#version(row));
    if (rows.length > room) {
      page.next = this.#cursor(focus, ['members', (shown.at(-1)?.[SEQ] as string) ?? LAST]);
      return page;
    }
    await this.#addLinked(page, { focus, root, position });
    if (position === undefined && page.next === undefined) page.total = page.matches.length;
    return page;
  }

  /** Fills the page up with what the members of all pages refer to. */
  async #addLinked(
    page: SearchPage,
    { focus, root, position }: { focus: Focus; root: Version; position: Position | undefined },
  ): Promise<void> {
    const { query, compartment } = focus;
    if (![...compartment.followed.first].some((type) => wants(query, type))) return;
    const hasAll = position === undefined && query.types === undefined;
    const references = hasAll ? referencesOf(page.matches) : await this.#allReferences(focus, root);
    const behind = position?.[0] === 'linked' ? position[1] : '';
    const linked = await this.#linked(focus, root, references);
    const left = [...linked, ...(await this.#changedLinked(focus, root, linked))]
      .map((version) => ({ version, name: nameOf(version) }))
      .filter(({ version, name }) => name > behind && wants(query, version.type))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const shown = left.slice(0, query.count - page.matches.length);
    page.included = shown.map(({ version }) => version);
    if (shown.length < left.length) {
      page.next = this.#cursor(focus, ['linked', shown.at(-1)?.name ?? behind]);
    }
  }

  /** With `since` also what has changed and only unchanged members refer to. */
  async #changedLinked(focus: Focus, root: Version, known: Version[]): Promise<Version[]> {
    const { since, ...query } = focus.query;
    if (since === undefined) return [];
    const names = new Set(known.map(nameOf));
    const references = await this.#allReferences({ ...focus, query }, root);
    const all = await this.#linked(focus, root, references);
    return all.filter((one) => one.lastUpdated >= since && !names.has(nameOf(one)));
  }

  /** The references of the root and of all members, be their type wanted or not. */
  async #allReferences({ query, ...focus }: Focus, root: Version): Promise<Set<string>> {
    const { types: _, ...ofAllTypes } = query;
    const found = referencesOf([root]);
    let behind = LAST;
    for (;;) {
      const rows = await this.#members({ ...focus, query: ofAllTypes }, behind, CHUNK);
      for (const row of rows) addReferences(row[CONTENT] as string, found);
      const last = rows.at(-1);
      if (!last || rows.length < CHUNK) return found;
      behind = last[SEQ] as string;
    }
  }

  /**
   * Two steps: a PractitionerRole means little without its Practitioner. The second leads to
   * supporting types only, or the encounter's problems would bring in their other encounters.
   */
  async #linked(focus: Focus, root: Version, references: Set<string>): Promise<Version[]> {
    const { bases } = this.#context;
    const { followed, supporting } = focus.compartment;
    const patient = this.#patientOf(root);
    const near = targetsOf(references, followed.first, bases);
    const found = await this.#load(focus, patient, near);
    const far = targetsOf(referencesOf(found), supporting, bases).difference(near);
    return [...found, ...(await this.#load(focus, patient, far))];
  }

  async #load(
    focus: Focus,
    patient: string | null,
    names: ReadonlySet<string>,
  ): Promise<Version[]> {
    if (names.size === 0) return [];
    const { compartment, words, rk } = focus;
    const { db, hasher, typeNumber } = this.#context;
    const rows = await db.steady(linkedSql, [
      sqlList([...names].map((name) => String(hasher.target(name)))),
      sqlList(compartment.followed.supporting.map(typeNumber)),
      ...[patient, words, rk],
    ]);
    const shown = await this.#shown(focus, rows);
    // The id is compared too, so a collision of keys is a miss.
    return shown.map((row) => this.#version(row)).filter((version) => names.has(nameOf(version)));
  }

  /** Whose record an encounter is part of, as a row key; a patient's own is in its compartment. */
  #patientOf({ type, content }: Version): string | null {
    if (type === 'Patient') return null;
    const { extractor, definitions, hasher } = this.#context;
    const code = definitions.main(type).patient ?? '';
    const targets = extractor.references(parseJson(content) as Resource, code);
    const patient = targets.find((target) => target.startsWith('Patient/'));
    return patient === undefined ? null : String(hasher.target(patient));
  }

  /** The rows as the caller may see them: none of the others has an influence on pages and links. */
  async #shown({ asker, actor }: Focus, rows: readonly Row[]): Promise<readonly Row[]> {
    const fit = asker ? await this.#fitting(asker, rows) : rows;
    return veiledRows(
      eyesOnCurrent(this.#context, actor),
      fit,
      (row) => this.#version(row),
      CONTENT,
    );
  }

  async #fitting(asker: Limited, rows: readonly Row[]): Promise<readonly Row[]> {
    const { db, hasher, typeName } = this.#context;
    const named = rows.map((row) => {
      const type = typeName(Number(row[0]));
      return { type, key: String(hasher.row(type, String(row[1]))) };
    });
    const fits = await readable(
      { context: this.#context, run: db.steady, kept: true },
      asker,
      named,
    );
    return rows.filter((row, i) => {
      const { type, key } = named[i] as (typeof named)[number];
      return isOpen(asker, type) || fits.get(key) === Number(row[VERSION]);
    });
  }

  /** Up to so many members that the caller may see; fewer where there are no more. */
  async #members(focus: Focus, behind: string, limit: number): Promise<readonly Row[]> {
    if (!focus.asker) return this.#shown(focus, await this.#stored(focus, behind, limit));
    const shown: Row[] = [];
    let size = atLeastSome(limit);
    let looked = 0;
    let from = behind;
    for (;;) {
      const rows = await this.#stored(focus, from, size);
      shown.push(...(await this.#shown(focus, rows)));
      const last = rows.at(-1);
      if (!last || rows.length < size || shown.length >= limit) return shown.slice(0, limit);
      from = last[SEQ] as string;
      looked += rows.length;
      size = atLeastSome((limit - shown.length) * (looked / Math.max(1, shown.length)));
    }
  }

  #stored(
    { compartment, query, rk, words }: Focus,
    behind: string,
    limit: number,
  ): Promise<readonly Row[]> {
    const { db, typeNumber } = this.#context;
    const { since, period, types } = query;
    return db.steady(membersSql, [
      ...[query.type === 'Patient' ? rk : null, words, rk, behind],
      since === undefined ? FIRST : String(vidFloor(since)),
      ...[period?.lo ?? null, period?.hi ?? null, compartment.undated],
      types === undefined ? null : sqlList(types.map(typeNumber)),
      ...[limit, compartment.onsets],
    ]);
  }

  #version(row: readonly unknown[]): Version {
    return versionOf(this.#context.typeName(Number(row[0])), row.slice(1));
  }

  #focusOf(actor: Actor, query: EverythingQuery): Focus {
    const { hasher, definitions } = this.#context;
    const asker = askingForRecord(definitions, actor, query);
    const name = `${query.type}/${query.id}`;
    const compartment = this.#compartmentOf(query.type);
    const words = compartment.salts.map((salt) => String(hasher.reference(salt, name)));
    return {
      compartment,
      query,
      rk: String(hasher.row(query.type, query.id)),
      words: sqlList(words),
      ...(isConfined(definitions, asker) && { asker }),
      actor,
    };
  }

  #compartmentOf(root: CompartmentRoot): Compartment {
    const known = this.#compartments.get(root);
    if (known) return known;
    const { definitions, hasher, typeNumber } = this.#context;
    const followed = followedTypes(definitions, root);
    const births = definitions.resourceTypes.filter(
      (type) => definitions.main(type).date === 'birthdate',
    );
    const made: Compartment = {
      salts: saltsOf(definitions, root),
      followed,
      supporting: new Set(followed.supporting),
      undated: sqlList(births.map(typeNumber)),
      onsets: sqlList(ONSETS.map((key) => String(hasher.word(key)))),
    };
    this.#compartments.set(root, made);
    return made;
  }

  #positionOf(focus: Focus): Position | undefined {
    const { cursor } = focus.query;
    if (cursor === undefined) return undefined;
    return decodeCursor(this.#context.secret, scopeOf(focus), cursor) as Position;
  }

  #cursor(focus: Focus, position: Position): string {
    return encodeCursor(this.#context.secret, scopeOf(focus), position);
  }
}

const nameOf = ({ type, id }: Version): string => `${type}/${id}`;

const wants = ({ types }: EverythingQuery, type: string): boolean => types?.includes(type) ?? true;

const scopeOf = ({ actor, query: { cursor: _, ...query } }: Focus): string =>
  `everything ${actor.access?.key ?? ''} ${JSON.stringify(query)}`;

function referencesOf(versions: readonly Version[]): Set<string> {
  const found = new Set<string>();
  for (const { content } of versions) addReferences(content, found);
  return found;
}

/** What the words of references to the root are salted with, by the parameters of its compartment. */
function saltsOf(definitions: Definitions, root: CompartmentRoot): string[] {
  const links = Object.entries(definitions.compartments.get(root)?.resources ?? {});
  const isColumn = (type: string, code: string): boolean => {
    const def = definitions.searchParams(type).get(code);
    return def !== undefined && isPatientColumn({ type, def, options: { definitions } });
  };
  return links.flatMap(([type, codes]) =>
    codes
      .filter((code) => code !== '{def}' && !(root === 'Patient' && isColumn(type, code)))
      .flatMap((code) => definitions.searchParams(type).get(code)?.keys ?? [code])
      .map((code) => referenceSalt(paramKey(type, code))),
  );
}
