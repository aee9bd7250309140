import { loadSql } from '../db/db.ts';
import { type By, byKiln } from './audit.ts';
import { type GrantRow, grantOf } from './grant-row.ts';
import { revokeGrant } from './grants.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService, Grant } from './types.ts';

/** Authorization codes (RFC 6749 4.1.2, RFC 7636): for a minute, for one use. */

const ISSUE = loadSql(import.meta.url, 'issue-code.sql');
const REDEEM = loadSql(import.meta.url, 'redeem-code.sql');
const USED = loadSql(import.meta.url, 'code-used.sql');

export interface CodeBinding {
  redirectUri: string;
  /** S256 of the verifier, base64url. */
  challenge: string;
  /** Of the authorization request, for the id_token. */
  nonce?: string | undefined;
}

/** A new code for a grant. */
export async function issueCode(
  service: AuthService,
  { grantId, redirectUri, challenge, nonce }: CodeBinding & { grantId: string },
): Promise<string> {
  const code = newSecret();
  const expires = service.now() / 1000 + service.config.code;
  const values = [hashOf(code), grantId, redirectUri, challenge, nonce ?? null, expires];
  await service.db.execute(ISSUE, values);
  return code;
}

export interface Redeemed extends CodeBinding {
  grant: Grant;
  nonce: string | undefined;
}

/**
 * Uses a code up, whether or not it turns out to have been sent by the right client. Undefined where
 * there is none to be used; one that was used before ends its grant (RFC 6749 4.1.2, RFC 9700 4.5).
 */
export async function redeemCode(
  service: AuthService,
  code: string,
  by: By = byKiln,
): Promise<Redeemed | undefined> {
  const hash = hashOf(code);
  type Row = readonly [uri: string, challenge: string, nonce: string | null, ...grant: GrantRow];
  const [row] = await service.db.tuples<Row>(REDEEM, [hash, service.now() / 1000]);
  if (!row) {
    await endReused(service, hash, by);
    return undefined;
  }
  const [redirectUri, challenge, nonce, ...grant] = row;
  return { grant: grantOf(grant), redirectUri, challenge, nonce: nonce ?? undefined };
}

async function endReused(service: AuthService, hash: Buffer, by: By): Promise<void> {
  const [used] = await service.db.tuples<[grantId: string]>(USED, [hash]);
  if (used) await revokeGrant(service, used[0], { by, why: 'a code was used again' });
}
