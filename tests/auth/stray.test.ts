import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

let secured: Secured;
let origin: string;

beforeAll(async () => {
  secured = await startSecured();
  ({ origin } = secured.service.config);
});
afterAll(() => secured.stop());

describe('an address of the authorization server', () => {
  it.each([
    ['GET', 'auth/token', 405, 'POST, OPTIONS'],
    ['DELETE', 'auth/authorize', 405, 'GET, HEAD, POST'],
    ['PATCH', 'admin/clients/x', 405, 'GET, HEAD, PUT, DELETE'],
    ['POST', 'fhir/.well-known/smart-configuration', 405, 'GET, HEAD, OPTIONS'],
    ['GET', 'auth/app-state/Basic/x', 405, 'PUT, DELETE, OPTIONS'],
    ['GET', 'auth/nothing', 404, null],
    ['GET', 'admin/clients/x/y/z', 404, null],
  ])('that is asked with %s %s is answered %s', async (method, path, status, allow) => {
    const answer = await ask(origin, path, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
    expect(answer.json).toHaveProperty('error');
  });
});

describe('the CapabilityStatement', () => {
  it('names the endpoints for older clients', async () => {
    const { json } = await ask(origin, 'fhir/metadata');
    const security = json['rest']?.[0]?.['security'];
    expect(security).toMatchObject({
      ...{ cors: true, service: [{ coding: [{ code: 'SMART-on-FHIR' }] }] },
      extension: [
        {
          url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
          extension: expect.arrayContaining([
            { url: 'authorize', valueUri: `${origin}/auth/authorize` },
            { url: 'token', valueUri: `${origin}/auth/token` },
            { url: 'manage', valueUri: `${origin}/auth/account` },
          ]),
        },
      ],
    });
  });
});
