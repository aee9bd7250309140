import { isCopy, isType, ofType, parse, type Seen } from './checks.ts';
import type { Request } from './http.ts';
import { inTurn, type Scenario, type Seed } from './world.ts';

const seedPath = ({ type, id }: Seed): string => `${type}/${id}`;

export const readSeed = (seed: Seed): Request => ({
  path: seedPath(seed),
  check: (answer, full) => (full ? isCopy(answer, seed.id, seed.sent) : isType(answer, seed.type)),
});

/** The seeds in their second version, which is the current one until `update` runs. */
function vreadSeed(seed: Seed): Request {
  const [, version = ''] = /"(.*)"/.exec(seed.etag) ?? [];
  const { sent } = seed;
  return {
    path: `${seedPath(seed)}/_history/${version}`,
    check: (answer, full) => {
      if (!full) return isType(answer, seed.type);
      const { meta } = parse<Seen>(answer);
      return meta?.versionId === version
        ? isCopy(answer, seed.id, sent)
        : `version ${meta?.versionId}, not ${version}`;
    },
  };
}

/** `least`: how many versions there must be. */
export const historyOf = (path: string, least: number): Request => ({
  path: `${path}/_history`,
  check: (answer, full) => {
    if (!full) return isType(answer, 'Bundle');
    const { type, entry = [] } = parse<{ type?: string; entry?: unknown[] }>(answer);
    if (type !== 'history') return `Bundle.type is ${type}`;
    return entry.length >= least ? undefined : `${entry.length} versions, not ${least} or more`;
  },
});

/** Reads of what was loaded, of which only type and id are known. */
export function readOf(path: string): Request {
  const [type = '', id] = path.split('/');
  return {
    path,
    check: (answer, full) => {
      const fault = isType(answer, type);
      if (fault !== undefined || !full) return fault;
      const seen = parse<Seen>(answer);
      return seen.id === id ? undefined : `id ${seen.id}, not ${id}`;
    },
  };
}

export const readScenarios: readonly Scenario[] = [
  {
    name: 'metadata',
    prepare: () => inTurn([{ path: 'metadata', check: ofType('CapabilityStatement') }]),
  },
  {
    name: 'read',
    floor: 'read',
    prepare: (_world, side) => inTurn(side.seeds.map(readSeed)),
  },
  {
    name: 'vread',
    floor: 'read',
    prepare: (_world, side) => inTurn(side.seeds.map(vreadSeed)),
  },
  {
    name: 'history',
    prepare: (_world, side) => inTurn(side.seeds.map((seed) => historyOf(seedPath(seed), 2))),
  },
];
