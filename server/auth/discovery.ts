import type { JsonObject } from '../fhir/types.ts';
import { brandMembers } from './brands.ts';
import { preflight } from './cors.ts';
import { type AuthRoute, answerJson } from './route.ts';
import { STATE_BASE } from './state.ts';
import type { AuthService } from './types.ts';

/**
 * What the server says of itself: SMART App Launch 2.2 "Conformance", OpenID Connect Discovery 1.0,
 * RFC 8414. Everything listed works; always JSON, whatever Accept says, and readable by any page.
 */

const capabilities = [
  'launch-ehr',
  'launch-standalone',
  'authorize-post',
  'client-public',
  'client-confidential-symmetric',
  'client-confidential-asymmetric',
  'sso-openid-connect',
  'context-banner',
  'context-style',
  'context-ehr-patient',
  'context-ehr-encounter',
  'context-standalone-patient',
  'context-standalone-encounter',
  'permission-offline',
  'permission-online',
  'permission-patient',
  'permission-user',
  'permission-v1',
  'permission-v2',
];

const scopes = [
  'openid',
  'fhirUser',
  'launch',
  'launch/patient',
  'launch/encounter',
  'offline_access',
  'online_access',
  ...['patient', 'user', 'system'].flatMap((context) =>
    ['cruds', 'rs', '*', 'read', 'write'].map((ops) => `${context}/*.${ops}`),
  ),
];

const authentication = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
const algorithms = ['RS384', 'ES384'];

/** RFC 8414 2: what all three documents have in common. */
function common({ config: { origin, base } }: AuthService): object {
  return {
    issuer: base,
    authorization_endpoint: `${origin}/auth/authorize`,
    token_endpoint: `${origin}/auth/token`,
    jwks_uri: `${origin}/auth/jwks`,
    registration_endpoint: `${origin}/auth/register`,
    introspection_endpoint: `${origin}/auth/introspect`,
    revocation_endpoint: `${origin}/auth/revoke`,
    scopes_supported: scopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: [...authentication, 'none'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    authorization_response_iss_parameter_supported: true,
  };
}

const smart = async (service: AuthService): Promise<object> => ({
  ...common(service),
  management_endpoint: `${service.config.origin}/auth/account`,
  capabilities,
  associated_endpoints: [
    { url: `${service.config.origin}${STATE_BASE}`, capabilities: ['smart-app-state'] },
  ],
  ...(await brandMembers(service)),
});

const openid = (service: AuthService): object => ({
  ...common(service),
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  end_session_endpoint: `${service.config.origin}/auth/sign-out`,
  claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'amr', 'nonce', 'fhirUser'],
  claims_parameter_supported: false,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
});

const oauth = (service: AuthService): object => ({
  ...common(service),
  introspection_endpoint_auth_methods_supported: authentication,
  introspection_endpoint_auth_signing_alg_values_supported: algorithms,
  revocation_endpoint_auth_methods_supported: [...authentication, 'none'],
  revocation_endpoint_auth_signing_alg_values_supported: algorithms,
});

const REGISTRY = 'http://fhir-registry.smarthealthit.org/StructureDefinition';
const SECURITY = 'http://terminology.hl7.org/CodeSystem/restful-security-service';

/** The endpoints as older clients look for them, in the CapabilityStatement (SMART App Launch 1.0). */
export function restSecurity({ config: { origin } }: AuthService): JsonObject {
  const at = (url: string, path = url): JsonObject => ({ url, valueUri: `${origin}/auth/${path}` });
  const endpoints = ['authorize', 'token', 'register', 'introspect', 'revoke'].map((one) =>
    at(one),
  );
  return {
    extension: [
      { url: `${REGISTRY}/oauth-uris`, extension: [...endpoints, at('manage', 'account')] },
    ],
    cors: true,
    service: [{ coding: [{ system: SECURITY, code: 'SMART-on-FHIR' }] }],
  };
}

const FRESH_S = 300;

function serving(
  path: string,
  document: (service: AuthService) => object | Promise<object>,
): AuthRoute[] {
  const headers = { 'Cache-Control': `public, max-age=${FRESH_S}` };
  return [
    {
      ...{ method: 'GET', path, origins: 'any' },
      handler: async (service) => answerJson(await document(service), { headers }),
    },
    { method: 'OPTIONS', path, origins: 'any', handler: preflight },
  ];
}

export const routes: readonly AuthRoute[] = [
  ...serving('/fhir/.well-known/smart-configuration', smart),
  ...serving('/fhir/.well-known/openid-configuration', openid),
  ...serving('/.well-known/openid-configuration', openid),
  ...serving('/.well-known/oauth-authorization-server', oauth),
  // RFC 8414 3.1: the path of the issuer comes last.
  ...serving('/.well-known/oauth-authorization-server/fhir', oauth),
];
