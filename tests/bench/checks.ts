import { isDeepStrictEqual } from 'node:util';
import { snippet } from './client.ts';
import type { Answer, Check } from './http.ts';
import type { World } from './world.ts';

/** The cheap look: the type stands at the head of the body. */
export function isType(answer: Answer, type: string): string | undefined {
  const head = answer.body.toString('latin1', 0, 200);
  return head.includes(`"resourceType":"${type}"`) || head.includes(`"resourceType": "${type}"`)
    ? undefined
    : `no ${type}: ${snippet(answer.body)}`;
}

export const ofType =
  (type: string): Check =>
  (answer) =>
    isType(answer, type);

/** A resource as answers hold it: only what the checks look at. */
export interface Seen {
  readonly resourceType: string;
  readonly id: string;
  readonly meta?: {
    readonly versionId?: string;
    readonly lastUpdated?: string;
    readonly tag?: readonly Coding[];
  };
  readonly status?: string;
  readonly gender?: string;
  readonly subject?: Referring;
  readonly patient?: Referring;
  readonly performer?: readonly Referring[];
  readonly identifier?: readonly { readonly system?: string; readonly value?: string }[];
  readonly name?: readonly { readonly family?: string; readonly given?: readonly string[] }[];
  readonly code?: Coded;
  readonly category?: readonly Coded[];
  readonly clinicalStatus?: Coded;
  readonly effectiveDateTime?: string;
  readonly onsetDateTime?: string;
  readonly abatementDateTime?: string;
  readonly valueQuantity?: Amount;
  readonly component?: readonly { readonly code?: Coded; readonly valueQuantity?: Amount }[];
}

interface Coding {
  readonly system?: string;
  readonly code?: string;
}

export interface Coded {
  readonly coding?: readonly Coding[];
  readonly text?: string;
}

interface Referring {
  readonly reference?: string;
  readonly display?: string;
}

export interface Amount {
  readonly value?: number;
  readonly code?: string;
}

export interface SeenBundle {
  readonly type?: string;
  readonly total?: number;
  readonly entry?: readonly { resource?: Seen; search?: { mode?: string } }[];
}

export const parse = <T>(answer: Answer): T => JSON.parse(answer.body.toString()) as T;

/** That a resource is what was sent, but for its id and meta, which the server gives it. */
export function isCopy(answer: Answer, id: string, sent: string): string | undefined {
  const { id: itsId, meta: _, ...rest } = parse<Seen>(answer);
  const { meta: __, ...wanted } = JSON.parse(sent) as Seen;
  if (itsId !== id) return `id ${itsId}, not ${id}`;
  return isDeepStrictEqual(rest, wanted) ? undefined : `${id} is not what was sent`;
}

export interface Expected {
  /** Of all matches; without it they may be of several. */
  readonly type?: string;
  /** How many there are at least; one, if nothing else is said. */
  readonly least?: number;
  /** What Bundle.total says. */
  readonly total?: number;
  /** What is wrong with a match. */
  readonly each?: (resource: Seen) => string | undefined;
  /** Whether a match may stand right before another. */
  readonly inOrder?: (before: Seen, after: Seen) => boolean;
  /** Types that must be among the included. */
  readonly includes?: readonly string[];
}

/** A searchset: cheaply by its type, fully entry by entry. */
export function searchset(world: World, expected: Expected): Check {
  return (answer, full) => {
    const fault = isType(answer, 'Bundle');
    if (fault !== undefined || !full) return fault;
    const { type, total, entry = [] } = parse<SeenBundle>(answer);
    if (type !== 'searchset') return `Bundle.type is ${type}`;
    if (expected.total !== undefined && total !== expected.total) {
      return `Bundle.total is ${total}, not ${expected.total}`;
    }
    world.tally.answers++;
    world.tally.entries += entry.length;
    const wrong = entry.find(({ resource }) => resource?.resourceType === 'OperationOutcome');
    if (wrong) return `an outcome among the matches: ${snippet(answer.body)}`;
    return matchesFault(resourcesOf(entry, 'match'), expected) ?? includesFault(entry, expected);
  };
}

export function resourcesOf(entry: SeenBundle['entry'], mode: string): Seen[] {
  return (entry ?? []).flatMap((one) => (one.search?.mode === mode && one.resource) || []);
}

function matchesFault(matches: readonly Seen[], expected: Expected): string | undefined {
  const { type, least = 1, each, inOrder } = expected;
  if (matches.length < least) return `${matches.length} matches, not ${least} or more`;
  for (const resource of matches) {
    if (type !== undefined && resource.resourceType !== type) {
      return `a ${resource.resourceType} among the matches`;
    }
    const fault = each?.(resource);
    if (fault !== undefined) return fault;
  }
  const disorder = matches.some((after, at) => {
    const before = matches[at - 1];
    return before && inOrder?.(before, after) === false;
  });
  return disorder ? 'the matches are not sorted' : undefined;
}

function includesFault(entry: SeenBundle['entry'], { includes }: Expected): string | undefined {
  const included = new Set(resourcesOf(entry, 'include').map((one) => one.resourceType));
  const missing = (includes ?? []).find((type) => !included.has(type));
  return missing === undefined ? undefined : `no ${missing} is included`;
}

/** For `inOrder`. */
export const descending =
  (keyOf: (resource: Seen) => number | string) =>
  (before: Seen, after: Seen): boolean =>
    keyOf(before) >= keyOf(after);

export const ascending =
  (keyOf: (resource: Seen) => number | string) =>
  (before: Seen, after: Seen): boolean =>
    keyOf(before) <= keyOf(after);

export const dateOf = ({ effectiveDateTime = '' }: Seen): number => Date.parse(effectiveDateTime);

/** In the record of that patient, who is in it too. */
export const ofPatient =
  (id: string) =>
  ({ resourceType, id: itsId, subject, patient }: Seen): string | undefined => {
    if (resourceType === 'Patient' && itsId === id) return undefined;
    const { reference } = subject ?? patient ?? {};
    return reference?.endsWith(`Patient/${id}`) ? undefined : `of ${reference}`;
  };

/** For `each`: what is wrong where this does not hold. */
export const where =
  (what: string, fits: (resource: Seen) => boolean) =>
  (resource: Seen): string | undefined =>
    fits(resource) ? undefined : `${resource.resourceType}/${resource.id}: not ${what}`;

export const isCoded = (concept: Coded | undefined, code: string): boolean =>
  concept?.coding?.some((coding) => coding.code === code) === true;
