import type { Agent } from '../audit/audit.ts';
import type { Db } from '../db/db.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** What the parts of the authorization server share. */
export interface AuthService {
  db: Db;
  store: Store;
  log: Log;
  config: AuthConfig;
  /** Unix milliseconds; a function, so that tests can let time pass. */
  now(): number;
}

/** Times in seconds. */
export interface AuthConfig {
  /** Origin of the server as clients know it, without a slash at its end. */
  origin: string;
  /** The FHIR base URL: `aud` of authorization requests, `iss` of launches. */
  base: string;
  accessToken: number;
  /** Of backend services; SMART: at most 300. */
  systemToken: number;
  /** From each refresh on. (g)(10): at least three months. */
  refreshToken: number;
  code: number;
  launch: number;
  session: number;
  /** Creates a confidential system client with `system/*.cruds` at the start. */
  bootstrapClient: { id: string; secret: string } | undefined;
  /** Minutes east of UTC of dates without a zone, and of today. */
  zone: number;
  /** Encrypts private keys at rest. */
  secret: string | undefined;
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  /** The hospital's identity provider, where people have their accounts there. */
  upstream?: UpstreamSettings | undefined;
  /** Whether a password alone signs nobody in; absent: `optional`. */
  secondFactor?: 'optional' | 'required';
  /** Host names and addresses inside the network that may be fetched (JWKS); all others must be public. */
  fetchAllow: readonly string[];
}

export type ClientAuth = 'none' | 'secret' | 'key';

/** An application or a system that may ask for tokens. */
export interface Client {
  id: string;
  name: string;
  auth: ClientAuth;
  /** SHA-256, or argon2id where a person chose the secret. */
  secretHash: string | undefined;
  jwks: { keys: Record<string, unknown>[] } | undefined;
  jwksUri: string | undefined;
  redirectUris: readonly string[];
  launchUris: readonly string[];
  grants: readonly string[];
  scopes: string;
  roles: readonly string[];
  settings: ClientSettings;
}

export interface ClientSettings {
  /** Shown on the consent page. */
  logoUri?: string;
  contacts?: string[];
  /** Where people may go after they signed out (OpenID Connect RP-Initiated Logout 1.0). */
  postLogoutRedirectUris?: string[];
  /** No consent page: the hospital trusts it (its own apps). */
  trusted?: boolean;
  /** The launch's patient banner is shown by the EHR. */
  needPatientBanner?: boolean;
  /** What a system is in FHIR: `Device/1`, `Organization/1`. */
  fhirUser?: string;
  /** Ids of Organizations. */
  branches?: string[];
  /** Code systems of app state that it shares with others, besides its own origins. */
  appState?: string[];
}

export interface User {
  id: string;
  login: string | undefined;
  name: string;
  /** `Practitioner/1`, `Patient/1`, ... */
  fhirUser: string | undefined;
  roles: readonly string[];
  /** Ids of Organizations. */
  branches: readonly string[];
}

export interface Session {
  /** In `auth_session.id`; never the cookie. */
  id: string;
  user: User;
  /** How they proved who they are: `pwd`, `hwk`, `mfa`, `idp` (RFC 8176 where it has a name). */
  methods: readonly string[];
  /** Unix milliseconds. */
  signedIn: number;
  /** By whose name the journal notes what they do. */
  agent?: Agent;
}

/** The context of a launch, as the token response tells it (SMART App Launch 2.2). */
export interface LaunchContext {
  /** Ids without type. */
  patient?: string;
  encounter?: string;
  fhirContext?: Record<string, unknown>[];
  needPatientBanner?: boolean;
  intent?: string;
  tenant?: string;
  /** Why the glass was broken for this patient; neither is told to the app beside the token. */
  purpose?: 'BTG';
  reason?: string;
}

export interface Grant {
  id: string;
  clientId: string;
  /** Absent for systems. */
  userId: string | undefined;
  sessionId: string | undefined;
  /** As granted, separated by spaces. */
  scope: string;
  context: LaunchContext;
  offline: boolean;
  /** Unix milliseconds; absent: it is its tokens that expire. */
  expiresAt?: number | undefined;
}

/** An error of OAuth 2.0 as the token, introspection, revocation and registration endpoints answer it. */
export class OAuthError extends Error {
  readonly code: string;
  readonly status: 400 | 401 | 403 | 429;
  /** Seconds, for 429. */
  readonly retryAfter: number | undefined;

  constructor(
    code: string,
    description: string,
    status: 400 | 401 | 403 | 429 = 400,
    retryAfter?: number,
  ) {
    super(description);
    this.name = 'OAuthError';
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
