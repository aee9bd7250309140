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
  readonly meta?: { readonly versionId?: string };
  readonly subject?: { readonly reference?: string };
  readonly identifier?: readonly { readonly system?: string; readonly value?: string }[];
  readonly name?: readonly { readonly family?: string; readonly given?: readonly string[] }[];
  readonly code?: { readonly coding?: readonly { system?: string; code?: string }[] };
  readonly effectiveDateTime?: string;
}

interface SeenBundle {
  readonly type?: string;
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
  readonly type: string;
  readonly least?: number;
  /** What is wrong with a match. */
  readonly each?: (resource: Seen) => string | undefined;
  /** By what matches descend. */
  readonly descending?: (resource: Seen) => number;
  /** A type that must be among the included. */
  readonly includes?: string;
}

/** A searchset: cheaply by its type, fully entry by entry. */
export function searchset(world: World, expected: Expected): Check {
  return (answer, full) => {
    const fault = isType(answer, 'Bundle');
    if (fault !== undefined || !full) return fault;
    const { type, entry = [] } = parse<SeenBundle>(answer);
    if (type !== 'searchset') return `Bundle.type is ${type}`;
    world.tally.answers++;
    world.tally.entries += entry.length;
    const wrong = entry.find(({ resource }) => resource?.resourceType === 'OperationOutcome');
    if (wrong) return `an outcome among the matches: ${snippet(answer.body)}`;
    return matchesFault(resourcesOf(entry, 'match'), expected) ?? includesFault(entry, expected);
  };
}

function resourcesOf(entry: SeenBundle['entry'], mode: string): Seen[] {
  return (entry ?? []).flatMap((one) => (one.search?.mode === mode && one.resource) || []);
}

function matchesFault(matches: readonly Seen[], expected: Expected): string | undefined {
  const { type, least = 1, each, descending } = expected;
  if (matches.length < least) return `${matches.length} matches, not ${least} or more`;
  for (const resource of matches) {
    if (resource.resourceType !== type) return `a ${resource.resourceType} among the matches`;
    const fault = each?.(resource);
    if (fault !== undefined) return fault;
  }
  const keys = descending ? matches.map(descending) : [];
  const sorted = keys.every((key, at) => at === 0 || key <= (keys[at - 1] ?? key));
  return sorted ? undefined : 'the matches are not sorted';
}

function includesFault(entry: SeenBundle['entry'], { includes }: Expected): string | undefined {
  if (includes === undefined) return undefined;
  const included = resourcesOf(entry, 'include');
  const found = included.some(({ resourceType }) => resourceType === includes);
  return found ? undefined : `no ${includes} is included`;
}

export const dateOf = ({ effectiveDateTime = '' }: Seen): number => Date.parse(effectiveDateTime);

export const ofPatient =
  (id: string) =>
  ({ subject }: Seen): string | undefined =>
    subject?.reference?.endsWith(`Patient/${id}`) ? undefined : `subject ${subject?.reference}`;
