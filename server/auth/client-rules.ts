import { parseScopes } from './scopes.ts';
import type { Client } from './types.ts';

/** What is wrong between the fields of a client, each of which is sound by itself. */
export const contradictionIn = (client: Client): string | undefined =>
  contradictions.find(([isWrong]) => isWrong(client))?.[1];

const has = (client: Client, grant: string): boolean => client.grants.includes(grant);
const asks = ({ scopes }: Client, context: string): boolean =>
  parseScopes(scopes).scopes.some((scope) => scope.context === context);

/** Each with what is said where it is broken. */
const contradictions: readonly (readonly [(client: Client) => boolean, string])[] = [
  [
    (client) => has(client, 'authorization_code') && client.redirectUris.length === 0,
    'redirect_uris is missing, which authorization_code needs.',
  ],
  [
    (client) => has(client, 'refresh_token') && !has(client, 'authorization_code'),
    'grant_types has refresh_token without authorization_code: systems ask for a new token instead.',
  ],
  [
    (client) => has(client, 'client_credentials') && client.auth === 'none',
    'grant_types has client_credentials, for which the client has to prove who it is.',
  ],
  [
    (client) => asks(client, 'system') && !has(client, 'client_credentials'),
    'scope has system scopes, which only client_credentials can give.',
  ],
  [
    (client) =>
      (asks(client, 'user') || asks(client, 'patient')) && !has(client, 'authorization_code'),
    'scope has user or patient scopes, which only authorization_code can give.',
  ],
  [
    ({ jwks, jwksUri }) => jwks !== undefined && jwksUri !== undefined,
    'jwks and jwks_uri exclude each other (RFC 7591 2).',
  ],
  [
    ({ auth, jwks, jwksUri }) => auth === 'key' && jwks === undefined && jwksUri === undefined,
    'private_key_jwt needs jwks or jwks_uri.',
  ],
  [
    ({ auth, jwks, jwksUri }) => auth !== 'key' && (jwks !== undefined || jwksUri !== undefined),
    'jwks and jwks_uri are for clients with the token_endpoint_auth_method private_key_jwt.',
  ],
];
