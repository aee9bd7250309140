import { randomBytes } from 'node:crypto';
import { type Db, loadSql, sqlTexts } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { createExtractor } from '../fhir/extract.ts';
import { createValidator } from '../fhir/validate.ts';
import { Reach } from './access-reach.ts';
import { VersionClock } from './clock.ts';
import type { Context } from './context.ts';
import { Hasher } from './hash.ts';
import { newId } from './id.ts';
import { faultReporter } from './index-faults.ts';
import { Lately } from './lately.ts';
import { Params } from './params.ts';
import { leaseSlot } from './slots.ts';
import type { StoreOptions } from './store.ts';

const settingAdd = loadSql(import.meta.url, 'setting-add.sql');
const settingGet = loadSql(import.meta.url, 'setting-get.sql');
const typesAdd = loadSql(import.meta.url, 'types-add.sql');
const typesGet = loadSql(import.meta.url, 'types-get.sql');

/** A secret of the database, made by whichever process comes first. */
async function secret(db: Db, name: string): Promise<string> {
  await db.execute(settingAdd, [name, randomBytes(24).toString('base64url')]);
  const [row] = await db.tuples<[string]>(settingGet, [name]);
  if (!row) throw new Error(`the setting ${name} cannot be read`);
  return row[0];
}

/** The types with their numbers, given to those that have none yet. */
async function numberTypes(db: Db, names: readonly string[]): Promise<[number, string][]> {
  for (;;) {
    await db.execute(typesAdd, [sqlTexts(names)]);
    const types = await db.tuples<[number, string]>(typesGet, []);
    const known = new Set(types.map(([, name]) => name));
    if (names.every((name) => known.has(name))) return types;
  }
}

/** Reads what the store needs to know from the database, and takes a version slot. */
export async function openContext(
  options: StoreOptions,
): Promise<{ context: Context; owner: string; close(): Promise<void> }> {
  const { db, config } = options;
  const { bases, zone, integrity, fulltext = 'narrative' } = config;
  const types = await numberTypes(db, options.definitions.resourceTypes);
  const numbers = new Map(types.map(([num, name]) => [name, num]));
  const names = new Map(types);
  const clock = new VersionClock();
  const slot = await leaseSlot(db, clock);
  const validator = createValidator(options.definitions);
  const { owner } = slot;
  const typeName = (num: number): string => names.get(num) ?? '';
  const onChange = (type: string): void => extractor.forget(type);
  const params = new Params({ db, owner, standard: options.definitions, typeName, onChange });
  const { definitions } = params;
  const onFault = faultReporter(options);
  const extractor = createExtractor(definitions, { zone, bases, onFault });
  await params.start();
  const context: Context = {
    db,
    definitions,
    params,
    extractor,
    typeName,
    bases,
    zone,
    integrity,
    fulltext,
    clock,
    far: new Lately(),
    many: new Lately(),
    reach: new Reach(),
    newId,
    validate: (resource, settings) => validator.validate(resource, settings),
    hasher: new Hasher(await secret(db, 'hash-prefix')),
    secret: await secret(db, 'cursor-secret'),
    typeNumber(type) {
      const num = numbers.get(type);
      if (num === undefined) throw new FhirError('not-found', `${type} is no resource type of R4.`);
      return num;
    },
  };
  const close = async (): Promise<void> => {
    await params.stop();
    await slot.stop();
  };
  return { context, owner, close };
}
