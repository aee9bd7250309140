import { createHash, hash, randomBytes } from 'node:crypto';

/** Codes, tokens, cookies and handles: 256 random bits that are kept as hashes only. */

/** A new secret of 256 bits, base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** What the tables hold of a secret: SHA-256 of its text. Random secrets need no slower hash. */
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The same as a key of a Map; a third of the work, which each request has. */
export const hashKey = (secret: string): string => hash('sha256', secret, 'latin1');
