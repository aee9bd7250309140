import {
  encounterTemplates,
  observationTemplates,
  patientTemplates,
  type Template,
  transactionTemplate,
} from './bodies.ts';
import { isCopy, isType, parse, type Seen } from './checks.ts';
import { type Client, faultOf } from './client.ts';
import type { Request } from './http.ts';
import { createdBy } from './import.ts';
import type { Next } from './loop.ts';
import { inTurn, type Scenario, subjectsOf, updateOf, type World } from './world.ts';

/** `name` tells what one scenario writes from what another one does. */
export function creates(name: string, subjects: readonly string[]): Next {
  const kinds = [
    observationTemplates(200, subjects),
    patientTemplates(100),
    encounterTemplates(200, subjects),
  ];
  return (_worker, n) => {
    const kind = kinds[n % kinds.length] ?? [];
    const template = kind[Math.floor(n / kinds.length) % kind.length];
    return template && createOf(template, `${name}-${n}`);
  };
}

function createOf(template: Template, n: string): Request {
  const { type } = template;
  const body = template.text(n);
  return {
    ...{ method: 'POST', path: type, body, jsonBytes: Buffer.byteLength(body) },
    check: (answer, full) => {
      if (answer.status !== 201) return `HTTP ${answer.status}, not 201`;
      return full ? isCopy(answer, parse<Seen>(answer).id, body) : isType(answer, type);
    },
  };
}

const TEN = 10;

export function transactions(name: string): Next {
  const template = transactionTemplate();
  const jsonBytes = resourceBytes(template.text(name));
  return (_worker, n) => ({ ...transactionOf(template, `${name}-${n}`), jsonBytes });
}

/** Bytes of the resources in a bundle. */
function resourceBytes(bundle: string): number {
  const { entry } = JSON.parse(bundle) as { entry: { resource: unknown }[] };
  const sizes = entry.map(({ resource }) => Buffer.byteLength(JSON.stringify(resource)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function transactionOf(template: Template, n: string): Request {
  return {
    ...{ method: 'POST', path: '', body: template.text(n), resources: TEN },
    check: (answer, full) => {
      if (!full) return isType(answer, 'Bundle');
      const created = createdBy(answer, TEN);
      return typeof created === 'string' ? created : undefined;
    },
  };
}

/** Once, before the measurement: references between the entries must have been resolved. */
async function checkResolved(client: Client, name: string): Promise<void> {
  const request = transactionOf(transactionTemplate(), `${name}-first`);
  const answer = await client.call(request);
  const created = answer.status === 200 ? createdBy(answer, TEN) : faultOf(request, answer, true);
  if (!Array.isArray(created)) throw new Error(`a transaction fails: ${created}`);
  const observation = parse<Seen>(await client.call({ path: created[2] ?? '' }));
  if (observation.subject?.reference !== created[0]) {
    throw new Error(`the subject is ${observation.subject?.reference}, not ${created[0]}`);
  }
}

/** Each connection updates seeds of its own, so that no two updates race for one version. */
export function updates(world: World, seeds: World['kiln']['seeds']): Next {
  const { connections } = world.options;
  const turns = new Array<number>(connections).fill(0);
  return (worker) => {
    const mine = Math.floor((seeds.length - worker - 1) / connections) + 1;
    const turn = turns[worker] ?? 0;
    turns[worker] = turn + 1;
    const seed = seeds[worker + (turn % mine) * connections];
    return seed && updateOf(seed, world.runId);
  };
}

export const writeScenarios: readonly Scenario[] = [
  {
    name: 'validate',
    prepare: (_world, side) =>
      inTurn(
        observationTemplates(50, subjectsOf(side.seeds)).map((template) => ({
          method: 'POST',
          path: 'Observation/$validate',
          body: template.text('validate'),
          check: (answer) => isType(answer, 'OperationOutcome'),
        })),
      ),
  },
  {
    name: 'create',
    floor: 'create',
    prepare: (world, side) => creates(`create-${world.runId}`, subjectsOf(side.seeds)),
  },
  {
    name: 'update',
    floor: 'update',
    prepare: (world, side) => updates(world, side.seeds),
  },
  {
    name: 'transaction-small',
    prepare: async (world, side) => {
      await checkResolved(side.client, `tx-${world.runId}`);
      return transactions(`tx-${world.runId}`);
    },
  },
];
