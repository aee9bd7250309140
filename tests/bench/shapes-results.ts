import {
  ascending,
  dateOf,
  descending,
  isCoded,
  isType,
  ofPatient,
  parse,
  type Seen,
  type SeenBundle,
  where,
} from './checks.ts';
import { conditions, SNOMED } from './codes.ts';
import type { Request } from './http.ts';
import { ask, frequentCodes, loinc, PAGE, perPatient, q, upToPage } from './searches.ts';
import type { SearchShape } from './shapes.ts';
import type { World } from './world.ts';

/** In which form it is given: order, totals, what has changed. */

const familyOf = ({ name }: Seen): string => name?.[0]?.family?.toLowerCase() ?? '';
const statusOf = ({ clinicalStatus }: Seen): string => clinicalStatus?.coding?.[0]?.code ?? '';
const onsetOf = ({ onsetDateTime = '' }: Seen): number => Date.parse(onsetDateTime);
const changeOf = ({ meta }: Seen): number => Date.parse(meta?.lastUpdated ?? '');

function byStatusAndOnset(before: Seen, after: Seen): boolean {
  if (statusOf(before) !== statusOf(after)) return statusOf(before) < statusOf(after);
  return onsetOf(before) >= onsetOf(after);
}

/** How many the whole data have of a `Type|code`. */
function totalOf({ loaded }: World, key: string): number {
  let total = 0;
  for (const { counts } of loaded.byId.values()) total += counts.get(key) ?? 0;
  return total;
}

const historyOfType = (world: World, type: string): Request => ({
  path: `${type}/_history?_count=${PAGE}`,
  check: (answer, full) => {
    if (!full) return isType(answer, 'Bundle');
    const { type: its, entry = [] } = parse<SeenBundle>(answer);
    if (its !== 'history') return `Bundle.type is ${its}`;
    world.tally.answers++;
    world.tally.entries += entry.length;
    const other = entry.find(({ resource }) => resource && resource.resourceType !== type);
    if (other) return `a ${other.resource?.resourceType} in the history`;
    return entry.length < upToPage(totalOf(world, type)) ? `${entry.length} versions` : undefined;
  },
});

/** What was loaded after these is sure to be on the server. */
const LAST_LOADED = 8;

/** From when a record was loaded: as if the last poll had been then. */
const polls = (world: World): Request[] =>
  [...world.loaded.patients].slice(0, -LAST_LOADED).map(({ loadedAt }) => {
    const since = q(new Date(loadedAt).toISOString());
    const path = `Observation?_lastUpdated=gt${since}&_sort=_lastUpdated&_count=${PAGE}`;
    return ask(world, path, {
      type: 'Observation',
      each: where(`changed after ${since}`, (resource) => changeOf(resource) > loadedAt),
      inOrder: ascending(changeOf),
    });
  });

export const resultShapes: readonly SearchShape[] = [
  {
    name: 'sorted by date',
    kind: 'page',
    requests: (world) =>
      ['laboratory', 'vital-signs'].map((category) =>
        ask(world, `Observation?category=${category}&_sort=-date&_count=${PAGE}`, {
          type: 'Observation',
          least: PAGE,
          each: where(
            category,
            (one) => one.category?.some((of) => isCoded(of, category)) === true,
          ),
          inOrder: descending(dateOf),
        }),
      ),
  },
  {
    name: 'sorted by name',
    kind: 'matches',
    requests: (world) =>
      ['female', 'male'].map((gender) =>
        ask(world, `Patient?gender=${gender}&_sort=family&_count=${PAGE}`, {
          type: 'Patient',
          each: where(gender, (one) => one.gender === gender),
          inOrder: ascending(familyOf),
        }),
      ),
  },
  {
    name: 'sorted by several keys',
    kind: 'page',
    requests: perPatient((world, { id, counts }) =>
      ask(world, `Condition?patient=${id}&_sort=clinical-status,-onset-date&_count=${PAGE}`, {
        type: 'Condition',
        least: upToPage(counts.get('Condition')),
        each: ofPatient(id),
        inOrder: byStatusAndOnset,
      }),
    ),
  },
  {
    name: '_total=accurate',
    kind: 'matches',
    requests: (world) =>
      conditions.map(([code]) =>
        ask(world, `Condition?code=${q(`${SNOMED}|${code}`)}&_total=accurate&_count=${PAGE}`, {
          type: 'Condition',
          total: totalOf(world, `Condition|${code}`),
          each: where(code, (resource) => isCoded(resource.code, code)),
        }),
      ),
  },
  {
    name: 'count only',
    kind: 'matches',
    requests: (world) =>
      frequentCodes.map((code) =>
        ask(world, `Observation?code=${loinc(code)}&_summary=count`, {
          ...{ least: 0, total: totalOf(world, `Observation|${code}`) },
        }),
      ),
  },
  {
    name: 'type history',
    kind: 'page',
    requests: (world) =>
      ['Patient', 'Encounter', 'Observation', 'Condition'].map((type) =>
        historyOfType(world, type),
      ),
  },
  { name: '_lastUpdated polling', kind: 'page', requests: polls },
];
