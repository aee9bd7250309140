import type { Form } from './form.ts';
import type { AuthorizeParams } from './requests.ts';
import { grantable, narrow, parseScopes, printScopes } from './scopes.ts';
import { type AuthService, type Client, OAuthError } from './types.ts';

/** What an authorization request has to be like, parameter by parameter. */

/** Where errors may be sent, and what with: all that is needed before the rest is looked at. */
export interface ReturnAddress {
  redirectUri: string;
  state: string | undefined;
}

/**
 * Reads the parameters of an authorization request (RFC 6749 4.1.1, RFC 7636 4.3, SMART App Launch
 * 2.2 "Obtain authorization code", OpenID Connect Core 3.1.2.1).
 * @throws OAuthError to be sent to the app by redirect
 */
export function checkRequest(service: AuthService, client: Client, form: Form): AuthorizeParams {
  refuseUnsupported(form);
  checkFlow(client, form);
  checkAudience(service, form);
  const prompt = promptOf(form);
  const since = signedInSince(service, form, prompt);
  return {
    redirectUri: form.get('redirect_uri') ?? '',
    scope: scopeOf(service, client, form),
    challenge: challengeOf(form),
    prompt,
    ...(since !== undefined && { signedInSince: since }),
    ...optional(form, 'state', 'state'),
    ...optional(form, 'nonce', 'nonce'),
    ...optional(form, 'launch', 'launch'),
    ...optional(form, 'loginHint', 'login_hint'),
  };
}

type OptionalName = 'state' | 'nonce' | 'launch' | 'loginHint';

function optional(form: Form, name: OptionalName, parameter: string): Partial<AuthorizeParams> {
  const value = form.get(parameter);
  return value === undefined ? {} : { [name]: value };
}

const invalid = (description: string): OAuthError => new OAuthError('invalid_request', description);

/** Parameters that would change the meaning of the rest, with their error (OpenID Connect Core). */
const UNSUPPORTED: readonly (readonly [name: string, error: string])[] = [
  ['request', 'request_not_supported'],
  ['request_uri', 'request_uri_not_supported'],
  ['registration', 'registration_not_supported'],
];

function refuseUnsupported(form: Form): void {
  for (const [name, error] of UNSUPPORTED) {
    if (form.has(name)) {
      throw new OAuthError(error, `The parameter ${name} is not supported: send each by itself.`);
    }
  }
  const mode = form.get('response_mode');
  if (mode !== undefined && mode !== 'query') {
    throw invalid('The answer comes in the query of the redirect: leave response_mode out.');
  }
}

function checkFlow({ grants }: Client, form: Form): void {
  if (!grants.includes('authorization_code')) {
    throw new OAuthError('unauthorized_client', 'The client is not registered for this flow.');
  }
  const type = form.get('response_type');
  if (type === undefined) throw invalid('The parameter response_type is missing: send code.');
  if (type !== 'code') {
    throw new OAuthError('unsupported_response_type', 'The response_type has to be code.');
  }
}

/**
 * `aud`, or `resource` (RFC 8707) with the same meaning, has to be the FHIR base: a token must not
 * reach a server that took the place of ours (SMART App Launch 2.2, "aud").
 */
function checkAudience({ config }: AuthService, form: Form): void {
  const named = [form.get('aud'), form.get('resource')].filter((one) => one !== undefined);
  if (named.length === 0) throw invalid('The parameter aud is missing: send the FHIR base URL.');
  if (named.some((one) => one !== config.base && one !== `${config.base}/`)) {
    throw invalid('aud is not the FHIR base URL of this server.');
  }
}

/** SHA-256 as base64url. */
const CHALLENGE = /^[\w-]{43}$/;

function challengeOf(form: Form): string {
  const challenge = form.get('code_challenge');
  if (challenge === undefined) throw invalid('PKCE is required: code_challenge is missing.');
  // Absent it would mean plain (RFC 7636 4.3).
  if (form.get('code_challenge_method') !== 'S256') {
    throw invalid('The code_challenge_method has to be S256.');
  }
  if (!CHALLENGE.test(challenge)) {
    throw invalid('The code_challenge is no SHA-256 in base64url (43 characters).');
  }
  return challenge;
}

const PROMPTS: readonly string[] = ['none', 'login', 'consent', 'select_account'];

function promptOf(form: Form): string[] {
  const prompts = (form.get('prompt') ?? '').split(' ').filter((one) => one !== '');
  if (prompts.some((one) => !PROMPTS.includes(one))) {
    throw invalid(`The parameter prompt may be ${PROMPTS.join(', ')}.`);
  }
  if (prompts.includes('none') && prompts.length > 1) {
    throw invalid('prompt=none cannot be combined with another prompt.');
  }
  return prompts;
}

/** Unix milliseconds, or undefined where any session will do. */
function signedInSince(
  service: AuthService,
  form: Form,
  prompt: readonly string[],
): number | undefined {
  const age = form.get('max_age');
  if (age !== undefined && !/^\d{1,9}$/.test(age)) {
    throw invalid('The parameter max_age has to be a number of seconds.');
  }
  const now = service.now();
  if (prompt.includes('login') || prompt.includes('select_account')) return now;
  return age === undefined ? undefined : now - Number(age) * 1000;
}

/** The contexts that this server can give. */
const LAUNCH: readonly string[] = ['launch', 'launch/patient', 'launch/encounter'];

/**
 * What is left of the scopes asked for: understood, there to be granted, and allowed to the client.
 * System scopes are for clients that act by themselves, `launch` needs a launch.
 */
function scopeOf({ store }: AuthService, client: Client, form: Form): string {
  const asked = form.get('scope');
  if (asked === undefined) throw new OAuthError('invalid_scope', 'The parameter scope is missing.');
  const [wanted, most] = [parseScopes(asked), parseScopes(client.scopes)];
  const refusal = grantable(store.definitions);
  const scopes = narrow(wanted.scopes, most.scopes).filter(
    (scope) => scope.context !== 'system' && refusal(scope) === undefined,
  );
  const launch = wanted.launch.filter(
    (one) =>
      LAUNCH.includes(one) && most.launch.includes(one) && (one !== 'launch' || form.has('launch')),
  );
  const both = (name: keyof typeof most.identity): boolean =>
    wanted.identity[name] && most.identity[name];
  const identity = {
    openid: both('openid'),
    fhirUser: both('fhirUser'),
    offline: both('offline'),
    online: both('online'),
  };
  const text = printScopes({ scopes, launch, identity });
  if (text !== '') return text;
  throw new OAuthError('invalid_scope', 'None of the scopes is there and allowed to this client.');
}
