import type { JsonObject, Resource } from '../../server/fhir/types.ts';

/** The system of the identifiers that mark each attempt to write; no two attempts share one. */
export const MARK = 'urn:kiln:test:mark';
/** The system of the identifiers that conditional creates ask for. */
export const CRITERION = 'urn:kiln:test:criterion';

/** A version of a resource as a client was told of it. */
export interface Acknowledged {
  /** `Type/id`. */
  readonly name: string;
  readonly version: number;
  readonly mark: string;
  /** What was sent, references resolved; its `id` and `meta` do not count. */
  readonly content: Resource;
}

/** What clients were told, and what they sent without hearing of it again. */
export class Ledger {
  readonly acknowledged: Acknowledged[] = [];
  /** Per transaction the marks of all that it writes. */
  readonly transactions: { readonly marks: readonly string[]; acknowledged: boolean }[] = [];
  /** Per criterion of conditional creates the resources that were named in answers. */
  readonly criteria = new Map<string, Set<string>>();
  /** Requests by status; `none` is no answer at all. */
  readonly answers = new Map<number | 'none', number>();
  /** Answers that should not have been given. */
  readonly faults: string[] = [];
  /** The longest time to an answer, in milliseconds. */
  slowest = 0;

  answered(status: number | 'none', since: number): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    this.slowest = Math.max(this.slowest, performance.now() - since);
  }

  add(name: string, version: number, content: Resource): void {
    this.acknowledged.push({ name, version, mark: markOf(content) ?? '', content });
  }

  /** The resource that answered a conditional create. */
  matched(criterion: string, name: string): void {
    const names = this.criteria.get(criterion);
    if (names) names.add(name);
    else this.criteria.set(criterion, new Set([name]));
  }

  /** `201: 40, 503: 2`. */
  summary(): string {
    const counts = [...this.answers].sort(([a], [b]) => String(a).localeCompare(String(b)));
    return counts.map(([status, n]) => `${status}: ${n}`).join(', ');
  }
}

/** The mark of a version, or its criterion. */
export function markOf(resource: Resource, system = MARK): string | undefined {
  const identifiers = resource.identifier as JsonObject[] | undefined;
  return identifiers?.find((one) => one.system === system)?.value as string | undefined;
}
