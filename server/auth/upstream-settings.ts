import type { AuthService } from './types.ts';

/** The hospital's identity provider (OpenID Connect), where people sign in with the account they have. */
export interface UpstreamSettings {
  /** As in its tokens, to the letter. With Entra the one of the tenant, never `common`. */
  issuer: string;
  clientId: string;
  /** Without it, the client is a public one. */
  clientSecret?: string | undefined;
  /** What people call it, for the sign-in page. */
  name: string;
  /** Default `openid profile`. */
  scope?: string | undefined;
  /** The only algorithm of its tokens; default RS256. */
  algorithm?: 'RS256' | 'PS256' | 'ES256' | undefined;
  /** Where the id_token lists groups: `groups`, `roles`, `realm_access.roles`. */
  groups?: string | undefined;
  /**
   * Pairs of a group and a role that its members have. With them, people have the roles of their
   * groups as of the last sign-in; without, those that administrators give them.
   */
  roles?: readonly (readonly [group: string, role: string])[] | undefined;
  /** Asks the provider for a second factor or the like (`acr_values`). */
  acr?: string | undefined;
}

/** The settings, where there is an identity provider. */
export function upstreamSettings({ config }: AuthService): UpstreamSettings | undefined {
  return config.upstream;
}
