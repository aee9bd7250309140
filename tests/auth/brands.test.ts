import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes } from '../../server/auth/brands.ts';
import { brandFaults, primaryOf } from '../../server/auth/brands-check.ts';
import { routes as discovery } from '../../server/auth/discovery.ts';
import { clone } from '../../server/fhir/json.ts';
import type { JsonObject, JsonValue } from '../../server/fhir/types.ts';
import { callJson, newAdmin, type Told, tokenBy } from '../helpers/admin.ts';
import { authService, newClient, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { definitions, type OpenStores, openStores } from '../helpers/store.ts';

const EXT = 'http://hl7.org/fhir/StructureDefinition';
const CODES = 'http://terminology.hl7.org/CodeSystem';
const BASE = 'https://fhir.example.org/fhir';

const endpoint = (id: string, address: string): JsonObject => ({
  ...{ resourceType: 'Endpoint', id, status: 'active', address, name: 'FHIR R4' },
  extension: [{ url: `${EXT}/endpoint-fhir-version`, valueCode: '4.0.1' }],
  connectionType: { system: `${CODES}/endpoint-connection-type`, code: 'hl7-fhir-rest' },
  payloadType: [{ coding: [{ system: `${CODES}/endpoint-payload-type`, code: 'none' }] }],
  contact: [{ system: 'url', value: 'https://developers.example.org' }],
});

const hospital = (id: string, more: JsonObject = {}): JsonObject => ({
  ...{ resourceType: 'Organization', id, name: `Hospital ${id}`, active: true },
  identifier: [{ system: 'urn:ietf:rfc:3986', value: `https://${id}.example.org` }],
  telecom: [{ system: 'url', value: `https://www.${id}.example.org` }],
  extension: [
    {
      url: `${EXT}/organization-portal`,
      extension: [
        { url: 'portalName', valueString: 'My record' },
        { url: 'portalUrl', valueUrl: 'https://my.example.org' },
        { url: 'portalEndpoint', valueReference: { reference: 'Endpoint/r4' } },
      ],
    },
    {
      url: `${EXT}/organization-brand`,
      extension: [{ url: 'brandLogo', valueUrl: 'https://example.org/logo.svg' }],
    },
  ],
  endpoint: [{ reference: 'Endpoint/r4' }],
  ...more,
});

const bundleOf = (...resources: JsonObject[]): JsonObject => ({
  ...{ resourceType: 'Bundle', type: 'collection', timestamp: '2026-11-23T08:00:00Z' },
  entry: resources.map((resource) => ({
    fullUrl: `https://fhir.example.org/brands/${resource['resourceType']}/${resource['id']}`,
    resource,
  })),
});

const sound = (): JsonObject => bundleOf(hospital('main'), endpoint('r4', BASE));

/** The Bundle with one value replaced, or, with undefined, left out. */
function changed(path: string, value: JsonValue | undefined, bundle = sound()): JsonObject {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = clone(bundle) as Record<string, JsonValue>;
  const copy = at;
  for (const name of names) at = at[name] as Record<string, JsonValue>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const faultsOf = (bundle: JsonObject): string =>
  brandFaults(bundle, { definitions, base: BASE }).join('\n');

describe('brandFaults()', () => {
  const below = (id: string, above: string): JsonObject => {
    const { extension: _, endpoint: __, ...rest } = hospital(id);
    return { ...rest, partOf: { reference: `Organization/${above}` } };
  };
  const child = below('child', 'main');
  const grandchild = below('far', 'child');
  const ABSENT = { extension: [{ url: `${EXT}/data-absent-reason`, valueCode: 'asked-declined' }] };

  it.each<[string, JsonObject]>([
    ['one brand', sound()],
    [
      'a brand below another that has the portal',
      bundleOf(hospital('main'), child, endpoint('r4', BASE)),
    ],
    [
      'a website that was asked for in vain',
      changed('entry.0.resource.telecom', [{ system: 'url', _value: ABSENT }]),
    ],
    [
      'a logo within',
      changed('entry.0.resource.extension.1.extension.0.valueUrl', 'data:image/png;base64,AA=='),
    ],
  ])('finds nothing wrong with %s', (_name, bundle) => {
    expect(faultsOf(bundle)).toBe('');
  });

  it.each<[string, JsonObject, string]>([
    ['another resource', { resourceType: 'Patient' }, 'not a Bundle'],
    ['a searchset', changed('type', 'searchset'), 'Bundle.type'],
    ['no timestamp', changed('timestamp', undefined), 'Bundle.timestamp'],
    ['a timestamp that is none', changed('timestamp', '2026'), 'timestamp'],
    ['nothing in it', changed('entry', undefined), 'no Organization'],
    ['an element that FHIR does not have', changed('entry.0.resource.colour', 'red'), 'colour'],
    [
      'a resource of another type',
      bundleOf(hospital('main'), endpoint('r4', BASE), { resourceType: 'Location', id: 'l' }),
      'neither an Organization nor an Endpoint',
    ],
    ['no id', changed('entry.0.resource.id', undefined), 'resource.id'],
    ['an id twice', bundleOf(hospital('main'), hospital('main'), endpoint('r4', BASE)), 'fullUrl'],
    ['no name', changed('entry.0.resource.name', undefined), '.name'],
    ['no identifier', changed('entry.0.resource.identifier', undefined), '.identifier'],
    [
      'an identifier without value',
      changed('entry.0.resource.identifier.0.value', undefined),
      '.identifier',
    ],
    ['no website', changed('entry.0.resource.telecom', undefined), '.telecom'],
    [
      'a telephone for a website',
      changed('entry.0.resource.telecom.0.system', 'phone'),
      '.telecom',
    ],
    [
      'a website that is none',
      changed('entry.0.resource.telecom.0.value', 'www.example'),
      '.telecom[0].value',
    ],
    ['no portal', changed('entry.0.resource.extension', undefined), 'organization-portal'],
    [
      'a portal two above',
      bundleOf(hospital('main'), child, grandchild, endpoint('r4', BASE)),
      'entry[2].resource: has no extension',
    ],
    [
      'a portal without endpoint',
      changed('entry.0.resource.extension.0.extension.2', undefined, sound()),
      'extension',
    ],
    [
      'an endpoint of the portal that is not its own',
      changed('entry.0.resource.extension.0.extension.2.valueReference.reference', 'Endpoint/x'),
      'not among its endpoints',
    ],
    [
      'a part of portals that there is not',
      changed('entry.0.resource.extension.0.extension.0.url', 'portalColour'),
      'no part of a portal',
    ],
    [
      'a logo from anywhere',
      changed('entry.0.resource.extension.1.extension.0.valueUrl', 'http://example.org/logo.svg'),
      'brandLogo',
    ],
    [
      'a link out of the Bundle',
      changed('entry.0.resource.endpoint.0.reference', 'Endpoint/other'),
      '.endpoint[0]',
    ],
    [
      'an Endpoint that nobody has',
      bundleOf(hospital('main'), endpoint('r4', BASE), endpoint('lost', BASE)),
      'entry[2].resource: no Organization',
    ],
    [
      'an Endpoint over http',
      changed('entry.1.resource.address', 'http://a.example/fhir'),
      '.address',
    ],
    [
      'an Endpoint of another sort',
      changed('entry.1.resource.connectionType.code', 'dicom-wado-rs'),
      '.connectionType',
    ],
    ['no version', changed('entry.1.resource.extension', undefined), 'endpoint-fhir-version'],
    ['nowhere for developers', changed('entry.1.resource.contact', undefined), '.contact'],
    ['a payload', changed('entry.1.resource.payloadType.0.coding.0.code', 'any'), '.payloadType'],
    [
      'another reason for what is missing',
      changed('entry.0.resource.telecom', [
        {
          system: 'url',
          _value: { extension: [{ url: `${EXT}/data-absent-reason`, valueCode: 'unknown' }] },
        },
      ]),
      'asked-declined',
    ],
  ])('refuses %s', (_name, bundle, text) => {
    expect(faultsOf(bundle)).toContain(text);
  });
});

describe('primaryOf()', () => {
  const two = bundleOf(hospital('main'), hospital('other'), endpoint('r4', BASE));
  const main = { system: 'urn:ietf:rfc:3986', value: 'https://main.example.org' };

  it.each([
    ['the only brand', sound(), undefined],
    ['one of two by system and value', two, 'urn:ietf:rfc:3986|https://main.example.org'],
    ['one of two by value', two, 'https://main.example.org'],
  ])('is %s', (_name, bundle, asked) => {
    expect(primaryOf(bundle, asked, BASE)).toEqual(main);
  });

  it.each([
    ['nobody says which', two, undefined, BASE, 'which is the primary'],
    ['nobody has it', two, 'https://none.example', BASE, '0 Organizations'],
    [
      'two have it',
      bundleOf(hospital('main'), hospital('other', { identifier: [main] }), endpoint('r4', BASE)),
      'https://main.example.org',
      BASE,
      '2 Organizations',
    ],
    ['it leads to another server', sound(), undefined, 'https://b.example/fhir', 'address of this'],
  ])('is none where %s', (_name, bundle, asked, base, text) => {
    expect(primaryOf(bundle, asked, base)).toContain(text);
  });
});

describe('brands over HTTP', () => {
  let open: OpenStores;
  let service: TestAuth;
  let served: Served;
  let token: string;

  beforeAll(async () => {
    open = await openStores();
    service = authService(open);
    served = await serve(service, routes, discovery);
    token = await newAdmin(service);
    await newClient(service, { id: 'robot' });
  });
  afterAll(async () => {
    await served.stop();
    await open.close();
  });
  beforeEach(async () => {
    await admin('DELETE');
  });

  const own = (): JsonObject => bundleOf(hospital('main'), endpoint('r4', `${served.origin}/fhir`));
  const admin = (method: string, body?: unknown, query = ''): Promise<Told> =>
    callJson(`${served.origin}/admin/brands${query}`, { method, token, body });
  const shown = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${served.origin}/auth/brands`, { headers });
  const smart = async (): Promise<Record<string, unknown>> =>
    (await callJson(`${served.origin}/fhir/.well-known/smart-configuration`, {})).json;

  it('are listed nowhere until they are published, nor after they are withdrawn', async () => {
    expect((await shown()).status).toBe(404);
    expect(await smart()).not.toHaveProperty('user_access_brand_bundle');
    expect((await admin('PUT', own())).status).toBe(201);
    expect(await smart()).toMatchObject({
      user_access_brand_bundle: `${served.origin}/auth/brands`,
      user_access_brand_identifier: {
        ...{ system: 'urn:ietf:rfc:3986', value: 'https://main.example.org' },
      },
    });
    expect((await admin('PUT', own())).status).toBe(200);
    expect((await admin('GET')).json['type']).toBe('collection');
    expect((await admin('DELETE')).status).toBe(204);
    expect((await admin('DELETE')).status).toBe(404);
    expect((await admin('GET')).status).toBe(404);
    expect((await shown()).status).toBe(404);
    expect(await smart()).not.toHaveProperty('user_access_brand_identifier');
  });

  it('can be read by any page without a token, in the form that SMART has for them', async () => {
    await admin('PUT', own());
    for (const headers of [{}, { Origin: 'https://anywhere.example' }]) {
      const answer = await shown(headers);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(answer.headers.get('etag')).toMatch(/^W\/"[0-9a-f]{16}"$/);
      expect(await answer.json()).toMatchObject({
        ...{ resourceType: 'Bundle', type: 'collection', timestamp: '2026-11-23T08:00:00Z' },
        meta: {
          lastUpdated: expect.stringMatching(/^20\d\d-/),
          profile: [
            'http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle',
          ],
        },
      });
    }
  });

  it('are not sent again to who has them, and are to who has others', async () => {
    await admin('PUT', own());
    const tag = (await shown()).headers.get('etag') ?? '';
    for (const known of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
      const answer = await shown({ 'If-None-Match': known });
      expect([answer.status, await answer.text()]).toEqual([304, '']);
      expect(answer.headers.get('etag')).toBe(tag);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
    await admin('PUT', changed('entry.0.resource.name', 'Another name', own()));
    expect((await shown({ 'If-None-Match': tag })).status).toBe(200);
  });

  it('answer a preflight with If-None-Match', async () => {
    const answer = await fetch(`${served.origin}/auth/brands`, {
      ...{ method: 'OPTIONS', headers: { Origin: 'https://anywhere.example' } },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-headers')).toContain('If-None-Match');
  });

  it('say all that is wrong with what is sent, and keep what is there', async () => {
    await admin('PUT', own());
    const bad = changed('entry.0.resource.name', undefined, own());
    const { status, json } = await admin(
      'PUT',
      changed('entry.1.resource.contact', undefined, bad),
    );
    expect(status).toBe(400);
    expect(json['error_description']).toContain('Bundle.entry[0].resource.name');
    expect(json['error_description']).toContain('Bundle.entry[1].resource.contact');
    expect((await shown()).status).toBe(200);
  });

  it('are asked which is the primary where there are several', async () => {
    const two = bundleOf(
      hospital('main'),
      hospital('other'),
      endpoint('r4', `${served.origin}/fhir`),
    );
    expect((await admin('PUT', two)).status).toBe(400);
    const query = `?identifier=${encodeURIComponent('https://other.example.org')}`;
    expect((await admin('PUT', two, query)).status).toBe(201);
    expect(await smart()).toMatchObject({
      user_access_brand_identifier: { value: 'https://other.example.org' },
    });
  });

  it('are changed by administrators only', async () => {
    const robot = await tokenBy(service, { clientId: 'robot', scope: 'system/*.cruds' });
    for (const [other, status] of [
      [robot, 403],
      ['x', 401],
    ] as const) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const body = method === 'PUT' ? own() : undefined;
        const url = `${served.origin}/admin/brands`;
        expect((await callJson(url, { method, token: other, body })).status).toBe(status);
      }
    }
    expect((await shown()).status).toBe(404);
  });
});
