import { createHash } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { stringify } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import { requireAdmin } from './admin.ts';
import { note } from './audit.ts';
import { brandFaults, primaryOf } from './brands-check.ts';
import { preflight } from './cors.ts';
import { queryOf } from './form.ts';
import { jsonOf } from './json-body.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { type AuthService, OAuthError } from './types.ts';

/**
 * User-access brands (SMART App Launch 2.2): who the hospital is, for apps that people look for it
 * in. Administrators publish a Bundle; anybody may read it.
 */

const FIND = loadSql(import.meta.url, 'brands-find.sql');
const SAVE = loadSql(import.meta.url, 'brands-save.sql');
const DELETE = loadSql(import.meta.url, 'brands-delete.sql');

const PROFILE =
  'http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle';
/** Logos may stand in it. */
const LONGEST = 1024 * 1024;
const TYPES = ['application/fhir+json', 'application/json'];
const PATH = '/auth/brands';
/** So long another process may go on with what was published before. */
const KEEP_MS = 5000;
const FRESH_S = 300;

interface Brands {
  /** The Bundle as it is served. */
  content: string;
  /** Of the primary brand. */
  identifier: JsonObject;
  etag: string;
}

interface Known {
  brands: Promise<Brands | undefined>;
  until: number;
}

const known = new WeakMap<AuthService, Known>();

/** What is published, at most 5 s old. */
function brandsOf(service: AuthService): Promise<Brands | undefined> {
  const now = service.now();
  const before = known.get(service);
  if (before && before.until > now) return before.brands;
  const brands = look(service);
  known.set(service, { brands, until: now + KEEP_MS });
  brands.catch(() => known.delete(service));
  return brands;
}

async function look({ db }: AuthService): Promise<Brands | undefined> {
  const [row] = await db.tuples<[string, JsonObject]>(FIND);
  if (!row) return undefined;
  const [content, identifier] = row;
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { content, identifier, etag: `W/"${hash}"` };
}

/** What smart-configuration says of them; nothing where there are none. */
export async function brandMembers(service: AuthService): Promise<object> {
  // Without the database the rest of the document still has to be there.
  const brands = await brandsOf(service).catch(() => undefined);
  if (!brands) return {};
  return {
    user_access_brand_bundle: `${service.config.origin}${PATH}`,
    user_access_brand_identifier: brands.identifier,
  };
}

/** GET /auth/brands: for everybody. */
async function show(service: AuthService, context: AuthContext): Promise<Response> {
  const brands = await brandsOf(service);
  if (!brands) return nothing();
  const { content, etag } = brands;
  const headers = { ETag: etag, 'Cache-Control': `public, max-age=${FRESH_S}` };
  const tags = context.env.incoming.headers['if-none-match']?.split(',') ?? [];
  // RFC 9110 13.1.2: compared weakly.
  const isSame = tags.map((tag) => tag.trim().replace(/^(?!W\/|\*)/, 'W/'));
  if (isSame.includes(etag) || isSame.includes('*')) {
    return new Response(null, { status: 304, headers });
  }
  return asFhir(content, { headers });
}

const asFhir = (
  content: string,
  { status = 200, headers }: { status?: number; headers: Record<string, string> },
): Response =>
  new Response(content, {
    status,
    headers: {
      ...{ 'Content-Type': 'application/fhir+json; charset=utf-8', ...headers },
      'X-Content-Type-Options': 'nosniff',
    },
  });

const unkept = { 'Cache-Control': 'no-store' };

const nothing = (): Response => {
  const body = { error: 'not_found', error_description: 'No brands are published here.' };
  return answerJson(body, { status: 404 });
};

/** GET /admin/brands */
async function get(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const brands = await look(service);
  return brands ? asFhir(brands.content, { headers: unkept }) : nothing();
}

/** PUT /admin/brands, with ?identifier= of the primary brand where there are several. */
async function put(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const bundle = await jsonOf(context, { longest: LONGEST, types: TYPES });
  const { config, store } = service;
  const { base } = config;
  const faults = brandFaults(bundle, { definitions: store.definitions, base });
  if (faults.length > 0) throw new OAuthError('invalid_request', faults.join(' '));
  const identifier = primaryOf(bundle, queryOf(context).get('identifier'), base);
  if (typeof identifier === 'string') throw new OAuthError('invalid_request', identifier);
  const content = stringify(published(bundle, service.now()));
  const values = [content, JSON.stringify(identifier), service.now() / 1000];
  const [[isNew] = [true]] = await service.db.tuples<[boolean]>(SAVE, values);
  known.delete(service);
  const primary = `${identifier['value']}`;
  const text = 'user-access brands published';
  await note(service, 'administration', { by, text, pairs: { primary } });
  return asFhir(content, { status: isNew ? 201 : 200, headers: unkept });
}

/** With when it was published, and what it conforms to. */
function published(
  { resourceType = 'Bundle', id, meta, ...rest }: JsonObject,
  now: number,
): JsonObject {
  const { profile, ...other } = (meta ?? {}) as JsonObject;
  const profiles = new Set([...(Array.isArray(profile) ? profile : []), PROFILE]);
  return {
    ...{ resourceType, ...(id !== undefined && { id }) },
    meta: { ...other, lastUpdated: new Date(now).toISOString(), profile: [...profiles] },
    ...rest,
  };
}

/** DELETE /admin/brands */
async function remove(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const gone = await service.db.execute(DELETE);
  known.delete(service);
  if (gone === 0) return nothing();
  await note(service, 'administration', { by, text: 'user-access brands withdrawn' });
  return new Response(null, { status: 204, headers: unkept });
}

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: PATH, handler: show, origins: 'any' },
  { method: 'OPTIONS', path: PATH, handler: preflight, origins: 'any' },
  { method: 'GET', path: '/admin/brands', handler: get },
  { method: 'PUT', path: '/admin/brands', handler: put },
  { method: 'DELETE', path: '/admin/brands', handler: remove },
];
