import type { Chain, Term } from '../fhir/query.ts';
import { shapeOf } from './access-rowwise.ts';
import { alternatives, common, envelope, factored, union } from './access-shape.ts';
import { allOf, anyOf, cheapestFirst, hasJoin, typesIn } from './access-terms.ts';
import type { Context, Run } from './context.ts';
import { printMembers, type SearchStatement } from './search-sql.ts';

/**
 * The limits of searches with their joins looked up: the patients in somebody's care are a few dozen
 * keys, the same for all types, and are kept for seconds. Writes and reads by name are judged as things
 * stand (access-check.ts).
 *
 * What this process writes counts at once: a write of a type drops what was found by looking into it.
 * What others write counts within `KEEP_MS`.
 */

const KEEP_MS = 5000;
/** More resources than this are looked at row by row. */
const MAX_MEMBERS = 1000;
const MOST_KEPT = 2000;

/** Resources that fit: row keys and seqs, as decimal text. */
interface Members {
  keys: readonly string[];
  seqs: readonly string[];
}

interface Kept<T> {
  value: Promise<T>;
  until: number;
  types: readonly string[];
  stamp: number;
}

/** What one search's limits are made with. */
interface Look {
  context: Context;
  run: Run;
  /** When the first of what was used ends. */
  until: number;
}

export class Reach {
  /** Conditions last as long as the access that they are of, and so do the statements they make. */
  readonly statements = {
    version: new WeakMap<Term, SearchStatement>(),
    all: new WeakMap<Term, SearchStatement>(),
  };
  readonly #revisions = new Map<string, number>();
  readonly #limits = new WeakMap<Term, Kept<Term>>();
  readonly #members = new Map<string, Kept<Members | undefined>>();

  /** It was written, and the write holds. */
  wrote(drafts: readonly { change: { type: string } }[]): void {
    for (const { change } of drafts) {
      const before = this.#revisions.get(change.type);
      if (before !== undefined) this.#revisions.set(change.type, before + 1);
    }
  }

  /** A limit (`limitOf`) on resources of the type as the search is to ask it. */
  limit(context: Context, run: Run, { term, type }: { term: Term; type: string }): Promise<Term> {
    const known = this.#limits.get(term);
    if (known && this.#isGood(known)) return known.value;
    const shape = shapeOf(context, term);
    if (!shape) return Promise.resolve(term);
    const look: Look = { context, run, until: Number.POSITIVE_INFINITY };
    const types = isListed(shape) ? [type, ...typesIn(shape)] : typesIn(shape);
    const kept = this.#begin(types, this.#limited(look, shape, type));
    this.#limits.set(term, kept);
    kept.value.then(
      () => {
        kept.until = Math.min(kept.until, look.until);
      },
      () => this.#limits.delete(term),
    );
    return kept.value;
  }

  /** The limit as a list where it comes to one, before all else that it asks for. */
  async #limited(look: Look, shape: Term, type: string): Promise<Term> {
    const listed = isListed(shape) ? await this.#listed(look, shape, type) : shape;
    const reduced = await this.#reduced(look, listed);
    const within = envelope(reduced);
    return within && within !== reduced ? allOf([within, reduced]) : reduced;
  }

  /** A limit by what refers to the resources, as their rows; what is many stays as it is. */
  async #listed(look: Look, shape: Term, type: string): Promise<Term> {
    const terms = alternatives([shape]).map(async (where): Promise<Term> => {
      const found = await this.#membersOf(look, type, where);
      return found ? { kind: 'rows', seqs: found.seqs } : allOf(where);
    });
    return anyOf(union(await Promise.all(terms)));
  }

  async #reduced(look: Look, term: Term): Promise<Term> {
    const inner = (one: Term): Promise<Term> => this.#reduced(look, one);
    switch (term.kind) {
      case 'any':
        return anyOf(cheapestFirst(factored(union(await Promise.all(term.terms.map(inner))))));
      case 'all':
        return allOf(cheapestFirst(common(await Promise.all(term.terms.map(inner)))));
      case 'not':
        return { kind: 'not', term: await inner(term.term) };
      case 'about': {
        const of = term.of.map(async ({ types, term: one }) =>
          one ? { types, term: await this.#limited(look, one, types[0] as string) } : { types },
        );
        return { ...term, of: await Promise.all(of) };
      }
      case 'chain':
        return this.#linked(look, term);
      default:
        return term;
    }
  }

  /** A chain to few resources by their keys. */
  async #linked(look: Look, { targets, ...term }: Chain): Promise<Term> {
    const keys = new Set<string>();
    const many: Chain['targets'] = [];
    const find = async ({ type, where }: Chain['targets'][number]): Promise<void> => {
      const found = await this.#membersOf(look, type, where);
      if (!found) many.push({ type, where: [...where] });
      for (const key of found?.keys ?? []) keys.add(key);
    };
    const ways = targets.flatMap(({ type, where }) =>
      alternatives(where).map((one) => ({ type, where: one })),
    );
    await Promise.all(ways.map(find));
    const { key, patient } = term;
    const linked: Term = { kind: 'linked', key, patient, keys: [...keys] };
    return anyOf([
      ...(keys.size > 0 ? [linked] : []),
      ...(many.length > 0 ? [{ ...term, targets: many }] : []),
    ]);
  }

  /** Undefined where they are many, which is remembered by itself. */
  async #membersOf(look: Look, type: string, where: Term[]): Promise<Members | undefined> {
    const { context, run } = look;
    const name = JSON.stringify({ type, where });
    if (context.many.has(name)) return undefined;
    let known = this.#members.get(name);
    if (!known || !this.#isGood(known)) {
      known = this.#begin([type, ...where.flatMap(typesIn)], members(context, run, type, where));
      if (this.#members.size >= MOST_KEPT) this.#members.clear();
      this.#members.set(name, known);
      known.value.catch(() => this.#members.delete(name));
    }
    look.until = Math.min(look.until, known.until);
    const found = await known.value;
    if (!found) context.many.add(name);
    return found;
  }

  #begin<T>(types: readonly string[], value: Promise<T>): Kept<T> {
    const own = [...new Set(types)];
    for (const type of own) if (!this.#revisions.has(type)) this.#revisions.set(type, 0);
    return { value, until: performance.now() + KEEP_MS, types: own, stamp: this.#stampOf(own) };
  }

  #isGood({ until, types, stamp }: Kept<unknown>): boolean {
    return until > performance.now() && stamp === this.#stampOf(types);
  }

  /** Revisions only grow. */
  #stampOf(types: readonly string[]): number {
    return types.reduce((sum, type) => sum + (this.#revisions.get(type) ?? 0), 0);
  }
}

/** A limit on resources by what refers to them, such as that on Patients. */
const isListed = (shape: Term): boolean => hasJoin(shape, 'has');

async function members(
  context: Context,
  run: Run,
  type: string,
  where: readonly Term[],
): Promise<Members | undefined> {
  const statement = printMembers(context, { type, where }, MAX_MEMBERS);
  const rows = await run(statement, statement.values);
  if (rows.length > MAX_MEMBERS) return undefined;
  return { keys: rows.map(([key]) => key as string), seqs: rows.map(([, seq]) => seq as string) };
}
