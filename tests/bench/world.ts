import {
  encounterTemplates,
  observationTemplates,
  patientTemplates,
  type Template,
} from './bodies.ts';
import { type Client, snippet } from './client.ts';
import type { Answer, Request } from './http.ts';
import type { Loaded } from './import.ts';
import type { Next } from './loop.ts';
import type { Options } from './options.ts';
import type { Running } from './server.ts';
import type { InCare } from './wards.ts';

/** What the scenarios of a run share. */
export interface World {
  readonly options: Options;
  /** In the bodies that the run writes, so that no two runs write the same. */
  readonly runId: string;
  readonly kiln: Side;
  readonly floor: Side | undefined;
  readonly loaded: Loaded;
  /** The patients of the clinician, where wards were loaded. */
  readonly inCare?: readonly InCare[];
  /** Bundle entries seen by full checks since the scenario began. */
  readonly tally: { answers: number; entries: number };
}

export interface Side {
  readonly running: Running;
  readonly client: Client;
  /** Resources of two versions each, made by the run itself. */
  readonly seeds: readonly Seed[];
}

export interface Seed {
  readonly type: string;
  readonly id: string;
  readonly template: Template;
  /** Of the last version seen. */
  etag: string;
  /** The last body sent. */
  sent: string;
  turn: number;
}

export interface Scenario {
  readonly name: string;
  /** What the floor does in turns with it, where there is something to compare. */
  readonly floor?: 'read' | 'create' | 'update';
  prepare(world: World, side: Side): Next | Promise<Next>;
}

export const inTurn =
  (list: readonly Request[]): Next =>
  (_worker, n) =>
    list[n % list.length];

const KINDS = 100;

/** Creates the seeds: patients, encounters and observations, and a second version of each. */
export async function makeSide(running: Running, runId: string): Promise<Side> {
  const { client } = running;
  const seeds: Seed[] = [];
  const add = async (templates: readonly Template[]): Promise<void> => {
    for (const template of templates) {
      seeds.push(await makeSeed(client, template, `seed-${runId}-${seeds.length}`));
    }
  };
  await add(patientTemplates(KINDS));
  const subjects = subjectsOf(seeds);
  await add(encounterTemplates(KINDS, subjects));
  await add(observationTemplates(KINDS, subjects));
  for (const seed of seeds) {
    const request = updateOf(seed, runId);
    const answer = await client.call(request);
    const fault = answer.status === 200 ? request.check?.(answer, true) : statusOf(answer);
    if (fault !== undefined) throw new Error(`the update of a ${seed.type} fails: ${fault}`);
  }
  return { running, client, seeds };
}

async function makeSeed(client: Client, template: Template, n: string): Promise<Seed> {
  const { type } = template;
  const sent = template.text(n);
  const jsonBytes = Buffer.byteLength(sent);
  const answer = await client.call({ method: 'POST', path: type, body: sent, jsonBytes });
  if (answer.status !== 201) throw new Error(`no ${type} can be created: ${statusOf(answer)}`);
  const { id } = JSON.parse(answer.body.toString()) as { id: string };
  return { type, id, template, sent, etag: answer.header('etag') ?? '', turn: 0 };
}

const statusOf = (answer: Answer): string => `HTTP ${answer.status} ${snippet(answer.body)}`;

/** `Patient/ID` of the patients among the seeds. */
export const subjectsOf = (seeds: readonly Seed[]): string[] =>
  seeds.filter(({ type }) => type === 'Patient').map(({ id }) => `Patient/${id}`);

/** The next version of a seed, on condition of the last one seen. */
export function updateOf(seed: Seed, runId: string): Request {
  const { type, id, template, etag } = seed;
  seed.turn++;
  const text = template.text(`v${seed.turn}-${runId}`);
  const body = text.replace('{', `{"id":"${id}",`);
  return {
    method: 'PUT',
    path: `${type}/${id}`,
    body,
    jsonBytes: Buffer.byteLength(text),
    headers: { 'If-Match': etag },
    check: (answer) => {
      const now = answer.header('etag');
      if (now === undefined || now === etag) return `ETag ${now} after an update of ${etag}`;
      seed.etag = now;
      seed.sent = text;
      return undefined;
    },
  };
}
