import { isType, ofPatient, parse, resourcesOf, type Seen, type SeenBundle } from './checks.ts';
import type { Request } from './http.ts';
import type { World } from './world.ts';

/** `$everything` of records and visits. */

/** What R4 says of its answer: the record as matches, and what it refers to as included. */
interface Record {
  /** How many matches there are at least. */
  readonly least: number;
  /** Entries, if their number is known. */
  readonly entries?: number;
  readonly each: (resource: Seen) => string | undefined;
}

/** The largest page that the server gives unless it is configured otherwise. */
const LARGEST_PAGE = 1000;

const everything = (world: World, of: string, record: Record): Request => ({
  path: `${of}/$everything?_count=${LARGEST_PAGE}`,
  check: (answer, full) => {
    if (!full) return isType(answer, 'Bundle');
    const { type, entry = [] } = parse<SeenBundle>(answer);
    if (type !== 'searchset') return `Bundle.type is ${type}`;
    world.tally.answers++;
    world.tally.entries += entry.length;
    return faultOf(entry, record);
  },
});

function faultOf(
  entry: NonNullable<SeenBundle['entry']>,
  { least, entries, each }: Record,
): string | undefined {
  const matches = resourcesOf(entry, 'match');
  if (matches.length < least) return `${matches.length} matches, not ${least} or more`;
  if (entries !== undefined && entry.length !== entries) {
    return `${entry.length} entries, not ${entries}`;
  }
  for (const resource of matches) {
    const fault = each(resource);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** These have 210 resources in the mean, as the records of the goal have. */
const isMiddling = ({ resources }: { resources: number }): boolean =>
  resources >= 110 && resources <= 330;

export const ofMiddlingRecords = (world: World): Request[] =>
  world.loaded.patients
    .filter(isMiddling)
    .map(({ id, resources }) =>
      everything(world, `Patient/${id}`, { least: resources, each: ofPatient(id) }),
    );

/** Of records that are larger than a page: an answer has a thousand resources. */
export const ofLargeRecords = (world: World): Request[] =>
  [...world.loaded.byId.values()]
    .filter(({ resources }) => resources >= LARGEST_PAGE)
    .slice(0, 20)
    .map(({ id }) =>
      everything(world, `Patient/${id}`, {
        ...{ least: LARGEST_PAGE, entries: LARGEST_PAGE },
        each: ofPatient(id),
      }),
    );

export const ofVisits = (world: World): Request[] =>
  world.loaded.patients.map(({ encounter, firstVisit }) =>
    everything(world, `Encounter/${encounter}`, {
      least: firstVisit,
      each: (resource) => {
        const { resourceType, id } = resource;
        if (resourceType === 'Encounter' && id === encounter) return undefined;
        const refers = JSON.stringify(resource).includes(`Encounter/${encounter}`);
        return refers ? undefined : `${resourceType}/${id} is of another visit`;
      },
    }),
  );
