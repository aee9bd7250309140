import { type Db, loadSql, sqlList, sqlTexts } from '../db/db.ts';
import { laterWords } from '../fhir/extract-string.ts';
import { canonicalUnit, UCUM_SYSTEM } from '../fhir/ucum.ts';
import { Batcher } from './batcher.ts';
import type { PresenceWord, TextWord, UnitWord, Word } from './dictionary-words.ts';
import { wasUndone } from './read.ts';

const addSql = loadSql(import.meta.url, 'dictionary-add.sql');

/** Two generations of at most this many words each: those in use stay, others fall out. */
const GENERATION = 20_000;

interface Using {
  words: readonly Word[];
}

/**
 * The dictionaries of shared words (units, sets of parameters, texts). A word is written before the
 * first row that uses it, always in a transaction of its own: one that no resource uses in the end
 * does no harm, and no writer waits for the end of another's transaction. What this process has seen
 * written it does not write again, so that most writes cost no statement here.
 */
export class Dictionary {
  readonly #additions: Batcher<readonly Word[], void>;
  #young = new Set<bigint>();
  #old = new Set<bigint>();

  constructor(db: Db) {
    this.#additions = new Batcher<readonly Word[], void>({
      lanes: 1,
      most: 64,
      splits: wasUndone,
      run: async (items) => {
        // On connections that no transaction holds: a writer inside one must not wait for the pool.
        await db.steady(addSql, addValues(items.flat()));
        return items.map(() => undefined);
      },
    });
  }

  /** Resolves when all words of the rows stand in the dictionaries; undefined where they do. */
  add(...lists: (readonly Using[])[]): Promise<void> | undefined {
    const fresh = new Map<bigint, Word>();
    for (const rows of lists) {
      for (const { words } of rows) {
        for (const word of words) if (!this.#isKnown(word.h)) fresh.set(word.h, word);
      }
    }
    return fresh.size === 0 ? undefined : this.#write([...fresh.values()]);
  }

  async #write(words: readonly Word[]): Promise<void> {
    await this.#additions.add(words);
    for (const { h } of words) this.#remember(h);
  }

  #isKnown(h: bigint): boolean {
    if (this.#young.has(h)) return true;
    if (!this.#old.has(h)) return false;
    this.#remember(h);
    return true;
  }

  #remember(h: bigint): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(h);
  }
}

function addValues(words: readonly Word[]): unknown[] {
  const units = words.filter((word): word is UnitWord => word.kind === 'unit');
  const sets = words.filter((word): word is PresenceWord => word.kind === 'presence');
  const texts = words.filter((word): word is TextWord => word.kind === 'text');
  return [...unitValues(units), ...setValues(sets), ...textValues(texts)];
}

function unitValues(units: readonly UnitWord[]): string[] {
  const canonical = units.map(({ system, code }) =>
    system === UCUM_SYSTEM ? canonicalUnit(code) : undefined,
  );
  return [
    sqlList(units.map(({ h }) => h)),
    sqlTexts(units.map(({ system }) => system)),
    sqlTexts(units.map(({ code }) => code)),
    sqlTexts(units.map(({ unit }) => unit)),
    sqlTexts(canonical.map((one) => one?.canon)),
    sqlList(canonical.map((one) => one?.factor)),
    sqlList(canonical.map((one) => one?.shift)),
  ];
}

function setValues(sets: readonly PresenceWord[]): string[] {
  return [
    sqlList(sets.map(({ h }) => h)),
    sqlList(sets.map(({ type }) => type)),
    sqlTexts(sets.map(({ codes }) => codes.join(' '))),
  ];
}

/** A text of several words has a row for each, so that it is found at the beginning of any. */
function textValues(texts: readonly TextWord[]): string[] {
  const rows = texts.flatMap(({ k, v, h, isProse }) =>
    [v, ...(isProse ? laterWords(v) : [])].map((text) => ({ k, v: text, h })),
  );
  return [
    sqlList(rows.map(({ k }) => k)),
    sqlTexts(rows.map(({ v }) => v)),
    sqlList(rows.map(({ h }) => h)),
  ];
}
