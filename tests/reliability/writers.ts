import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { until } from '../helpers/embedded.ts';
import { type Answer, ask } from '../helpers/http.ts';
import { CRITERION, type Ledger, MARK, markOf } from './ledger.ts';

export interface WritersOptions {
  readonly base: string;
  readonly ledger: Ledger;
  /** Distinguishes the marks and criteria of one run from those of the next. */
  readonly run: string;
  /** What the ids of the writers' own patients start with; `own` unless told otherwise. */
  readonly own?: string;
  /** Whether 503 with Retry-After is an answer to be expected. */
  readonly mayBeAway?: boolean;
}

export interface Writers {
  /** Resolves when so many more writes have been acknowledged. */
  acknowledge(count: number): Promise<void>;
  /** Resolves when every writer has had its last answer. */
  stop(): Promise<void>;
}

const WRITERS = 16;
/** Longer than any answer may take, so that a request that hangs ends the test with its name. */
const HANG_MS = 60_000;

/** Starts parallel writers, who write as fast as they are answered and enter all in the ledger. */
export function startWriters(options: WritersOptions): Writers {
  const { ledger } = options;
  let stopping = false;
  const work = Array.from({ length: WRITERS }, async (_, number) => {
    const writer = new Writer(options, number);
    while (!stopping) await writer.writeOne();
  });
  return {
    acknowledge: async (count) => {
      const goal = ledger.acknowledged.length + count;
      await until(() => ledger.acknowledged.length >= goal, HANG_MS).catch(() => {
        const [fault = ''] = ledger.faults;
        throw new Error(`writes come to nothing: ${ledger.summary()} ${fault}`);
      });
    },
    stop: async () => {
      stopping = true;
      await Promise.all(work);
    },
  };
}

/** Conditional creates in a row that share a criterion: about as many writers meet in it. */
const SHARING = 5;
let criteria = 0;

class Writer {
  readonly #options: WritersOptions;
  readonly #own: string;
  readonly #prefix: string;
  #marks = 0;
  /** Version of our own patient; 0 where there is none, undefined where we do not know. */
  #version: number | undefined;

  constructor(options: WritersOptions, number: number) {
    this.#options = options;
    this.#own = `${options.own ?? 'own'}-${number}`;
    this.#prefix = `${options.run}-${number}`;
  }

  async writeOne(): Promise<void> {
    if (this.#version === undefined) {
      await this.#look();
      return;
    }
    const turn = Math.random();
    if (turn < 0.3) await this.#create();
    else if (turn < 0.55) await this.#updateOwn(this.#version);
    else if (turn < 0.65) await this.#updateShared();
    else if (turn < 0.8) await this.#createOnce();
    else await this.#transact(this.#version);
  }

  #mark(): string {
    this.#marks++;
    return `${this.#prefix}-${this.#marks}`;
  }

  /** One request. Undefined where there was no answer, or none but "come back". */
  async #send(
    method: string,
    url: string,
    body?: Resource,
    headers: Record<string, string> = {},
  ): Promise<Answer | undefined> {
    const { base, ledger, mayBeAway } = this.#options;
    const since = performance.now();
    const limit = new Promise<never>((_, reject) => {
      setTimeout(reject, HANG_MS, new Error('hangs')).unref();
    });
    let answer: Answer;
    try {
      const asked = ask(base, url, { method, headers, ...(body ? { body } : {}) });
      answer = await Promise.race([asked, limit]);
    } catch (error) {
      ledger.answered('none', since);
      if ((error as Error).message === 'hangs') ledger.faults.push(`${method} ${url} hangs`);
      await sleep(5);
      return undefined;
    }
    ledger.answered(answer.status, since);
    if (answer.status < 500) return answer;
    if (answer.status !== 503 || !mayBeAway || !answer.headers.get('retry-after')) {
      ledger.faults.push(`${method} ${url}: ${answer.status} ${answer.text.slice(0, 300)}`);
    }
    await sleep(5);
    return undefined;
  }

  #refused(what: string, answer: Answer): void {
    this.#options.ledger.faults.push(`${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }

  async #look(): Promise<void> {
    const answer = await this.#send('GET', `Patient/${this.#own}`);
    if (answer?.status === 404) this.#version = 0;
    else if (answer?.status === 200) this.#version = versionOf(answer.headers.get('etag'));
    else if (answer) this.#refused('read', answer);
  }

  async #create(): Promise<void> {
    const sent = observation(this.#mark());
    const answer = await this.#send('POST', 'Observation', sent);
    if (answer?.status === 201) this.#acknowledged(answer, sent);
    else if (answer) this.#refused('create', answer);
  }

  #acknowledged(answer: Answer, sent: Resource): void {
    const { resourceType, id } = answer.json as unknown as Resource;
    this.#options.ledger.add(`${resourceType}/${id}`, versionOf(answer.headers.get('etag')), sent);
  }

  async #updateOwn(version: number): Promise<void> {
    this.#version = undefined;
    const sent = patient(this.#own, this.#mark());
    const answer = await this.#send('PUT', `Patient/${this.#own}`, sent, conditionOn(version));
    if (answer?.status === (version === 0 ? 201 : 200)) {
      this.#acknowledged(answer, sent);
      this.#version = versionOf(answer.headers.get('etag'));
      if (this.#version !== version + 1) this.#refused(`If-Match ${version}`, answer);
    } else if (answer) this.#refused(`update of ${this.#own} at ${version}`, answer);
  }

  /** Others want the same: 412 means that one of them was first. */
  async #updateShared(): Promise<void> {
    const id = `shared-${Math.floor(Math.random() * 3)}`;
    const found = await this.#send('GET', `Patient/${id}`);
    if (!found) return;
    const version = found.status === 404 ? 0 : versionOf(found.headers.get('etag'));
    const sent = patient(id, this.#mark());
    const answer = await this.#send('PUT', `Patient/${id}`, sent, conditionOn(version));
    if (!answer || answer.status === 412) return;
    if (answer.status >= 300) this.#refused('update', answer);
    else this.#acknowledged(answer, sent);
  }

  async #createOnce(): Promise<void> {
    const criterion = this.#criterion();
    const sent = encounter(criterion, this.#mark());
    const answer = await this.#send('POST', 'Encounter', sent, {
      'If-None-Exist': `identifier=${CRITERION}|${criterion}`,
    });
    if (!answer) return;
    if (answer.status !== 200 && answer.status !== 201) {
      this.#refused('conditional create', answer);
      return;
    }
    if (answer.status === 201) this.#acknowledged(answer, sent);
    this.#options.ledger.matched(criterion, `Encounter/${answer.json.id}`);
  }

  #criterion(): string {
    criteria++;
    return `${this.#options.run}-${Math.floor(criteria / SHARING)}`;
  }

  /** Two creates, one of which refers to the other, an update, and a conditional create. */
  async #transact(version: number): Promise<void> {
    const { ledger } = this.#options;
    this.#version = undefined;
    const criterion = this.#criterion();
    const sent = [
      observation(this.#mark()),
      { ...observation(this.#mark()), hasMember: [{ reference: MEMBER }] },
      patient(this.#own, this.#mark()),
      encounter(criterion, this.#mark()),
    ];
    const marks = sent.slice(0, 3).map((resource) => String(markOf(resource)));
    const transaction = { marks, acknowledged: false };
    ledger.transactions.push(transaction);
    const answer = await this.#send('POST', '', transactionOf(sent, { version, criterion }));
    if (!answer) return;
    if (answer.status !== 200) {
      this.#refused('transaction', answer);
      return;
    }
    transaction.acknowledged = true;
    this.#enterEntries(answer, sent, criterion);
    this.#version = version + 1;
  }

  #enterEntries(answer: Answer, sent: readonly Resource[], criterion: string): void {
    const { ledger } = this.#options;
    const outcomes = (answer.json.entry as unknown as { response: Outcome }[]) ?? [];
    const names = outcomes.map(({ response }) => nameOf(response.location));
    for (const [at, resource] of sent.entries()) {
      const { status = '', etag = '' } = outcomes[at]?.response ?? {};
      const content = JSON.parse(JSON.stringify(resource).replace(MEMBER, String(names[0])));
      if (at < 3 || status.startsWith('201'))
        ledger.add(String(names[at]), versionOf(etag), content);
    }
    ledger.matched(criterion, String(names[3]));
  }
}

const MEMBER = 'urn:uuid:1c6e3a52-5b0c-4f4e-9d0a-000000000001';

interface Outcome {
  readonly status: string;
  readonly location: string;
  readonly etag: string;
}

function transactionOf(
  resources: readonly Resource[],
  { version, criterion }: { version: number; criterion: string },
): Resource {
  const [first, second, own, once] = resources as [Resource, Resource, Resource, Resource];
  const put = { method: 'PUT', url: `Patient/${own.id}` };
  const post = { method: 'POST', url: 'Observation' };
  const ifNoneExist = `identifier=${CRITERION}|${criterion}`;
  const entry: JsonObject[] = [
    { fullUrl: MEMBER, resource: first, request: post },
    { resource: second, request: post },
    { resource: own, request: version === 0 ? put : { ...put, ifMatch: `W/"${version}"` } },
    { resource: once, request: { method: 'POST', url: 'Encounter', ifNoneExist } },
  ];
  return { resourceType: 'Bundle', type: 'transaction', entry };
}

const conditionOn = (version: number): Record<string, string> =>
  version === 0 ? { 'If-None-Match': '*' } : { 'If-Match': `W/"${version}"` };

const versionOf = (etag: string | null): number => Number(/^W\/"(\d+)"$/.exec(etag ?? '')?.[1]);

/** `Type/id` of a location, which may be absolute or not. */
const nameOf = (location: string): string =>
  /([A-Za-z]+\/[A-Za-z0-9\-.]+)\/_history\/\d+$/.exec(location)?.[1] ?? location;

const patient = (id: string, mark: string): Resource => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: MARK, value: mark }],
  name: [{ family: `Família ${mark}`, given: ['名', 'Zoë'] }],
  birthDate: '1970-01-31',
});

const observation = (mark: string): Resource => ({
  resourceType: 'Observation',
  identifier: [{ system: MARK, value: mark }],
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }], text: mark },
  effectiveDateTime: '2026-02-03T04:05:06Z',
  valueQuantity: { value: 72.5, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

const encounter = (criterion: string, mark: string): Resource => ({
  resourceType: 'Encounter',
  identifier: [
    { system: CRITERION, value: criterion },
    { system: MARK, value: mark },
  ],
  status: 'planned',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
});
