import { type Client, faultOf } from './client.ts';
import type { Answer, Request } from './http.ts';
import { type Recorder, runLoop } from './loop.ts';
import { staffBundle } from './people.ts';
import { type About, type PatientRecord, patientRecord } from './records.ts';

/** What was loaded, and what can be asked about it. */
export interface Loaded {
  /** The records that are asked for: all, or some of them. */
  readonly patients: readonly LoadedPatient[];
  /** All, by the id of the Patient. */
  readonly byId: Map<string, LoadedPatient>;
  /** `Type/ID` of a patient, an encounter and two observations of every record. */
  readonly sampled: readonly string[];
  readonly resources: number;
}

export interface LoadedPatient extends About {
  readonly id: string;
  /** Ids of the first Encounter and of the List. */
  readonly encounter: string;
  readonly list: string;
  /** When the server had answered, in Unix milliseconds. */
  readonly loadedAt: number;
}

/** While it is being loaded. */
export interface Loading extends Loaded {
  readonly patients: LoadedPatient[];
  readonly sampled: string[];
  resources: number;
}

export const nothingLoaded = (): Loading => ({
  ...{ patients: [], byId: new Map(), sampled: [], resources: 0 },
});

/** Organizations and practitioners, which the records refer to. */
export async function loadStaff(client: Client): Promise<void> {
  const request: Request = { method: 'POST', path: '', body: staffBundle() };
  const fault = faultOf(request, await client.call(request), true);
  if (fault !== undefined) throw new Error(`the hospital cannot be loaded: ${fault}`);
}

const SAMPLES = 4;

/** The transaction that loads a record; every entry of its answer is checked and noted. */
export function recordRequest(
  { text, jsonBytes, about }: PatientRecord,
  loading: Loading,
): Request {
  const { resources } = about;
  const check = (answer: Answer): string | undefined => {
    const created = createdBy(answer, resources);
    if (typeof created === 'string') return created;
    const idAt = (at: number): string => created.at(at)?.split('/')[1] ?? '';
    const ids = { id: idAt(0), encounter: idAt(1), list: idAt(-1) };
    const patient = { ...about, ...ids, loadedAt: Date.now() };
    loading.patients.push(patient);
    loading.byId.set(patient.id, patient);
    loading.sampled.push(...created.slice(0, SAMPLES));
    loading.resources += resources;
    return undefined;
  };
  return { method: 'POST', path: '', body: text, resources, jsonBytes, check };
}

interface TransactionResponse {
  type?: string;
  entry?: { response?: { status?: string; location?: string } }[];
}

/** `Type/ID` of every entry, or what is wrong with the answer. */
export function createdBy(answer: Answer, count: number): string[] | string {
  const bundle = JSON.parse(answer.body.toString()) as TransactionResponse;
  if (bundle.type !== 'transaction-response') return `Bundle.type is ${bundle.type}`;
  const responses = (bundle.entry ?? []).map((entry) => entry.response);
  if (responses.length !== count) return `${responses.length} entries answer ${count}`;
  const bad = responses.find((response) => !response?.status?.startsWith('201'));
  if (bad) return `entry with status ${bad.status}`;
  return responses.map((response) => {
    const [, type, id] = /([A-Za-z]+)\/([^/]+)\/_history\//.exec(response?.location ?? '') ?? [];
    return `${type}/${id}`;
  });
}

export interface ImportOptions {
  readonly connections: number;
  /** Number of the first record. */
  readonly from: number;
  /** Asked before each record with its number: whether to go on. */
  readonly goOn: (index: number) => boolean;
}

/** Posts record after record, made while the server works. Returns the next record's number. */
export async function importRecords(
  client: Client,
  loaded: Loading,
  options: ImportOptions,
  recorder: Recorder,
): Promise<number> {
  let index = options.from;
  const next = (): Request | undefined =>
    options.goOn(index) ? recordRequest(patientRecord(index++), loaded) : undefined;
  await runLoop(client, { connections: options.connections, next, checkEvery: 1 }, recorder);
  return index;
}
