import {
  CompactEncrypt,
  calculateJwkThumbprint,
  compactDecrypt,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose';

/** The only user of the package jose: JWTs and keys (RFC 7515 to 7519, 7638). */

/** A JSON Web Key as it came: nothing about it is checked. */
export type Jwk = Readonly<Record<string, unknown>>;

/** The claims of a JWT, or a header. */
export type Claims = Readonly<Record<string, unknown>>;

/** Header and claims of a JWT without any check of its signature; undefined where it is none. */
export function readUnverified(token: string): { header: Claims; claims: Claims } | undefined {
  try {
    return { header: { ...decodeProtectedHeader(token) }, claims: decodeJwt(token) };
  } catch {
    return undefined;
  }
}

export interface Expected {
  /** The only algorithms that count; never taken from the token. */
  algorithms: ('RS384' | 'ES384' | 'RS256' | 'PS256' | 'ES256')[];
  issuer: string;
  subject: string;
  audience: readonly string[];
  required: readonly string[];
  /** Unix milliseconds. */
  now: number;
  /** Seconds by which clocks may differ. */
  tolerance: number;
}

/** The claims of a JWT whose signature and claims are as expected, or what is wrong with it. */
export async function verify(
  token: string,
  key: Jwk,
  expected: Expected,
): Promise<{ claims: Claims } | { fault: string }> {
  try {
    const { payload } = await jwtVerify(token, key as JWK, {
      algorithms: expected.algorithms,
      issuer: expected.issuer,
      subject: expected.subject,
      audience: [...expected.audience],
      requiredClaims: [...expected.required],
      currentDate: new Date(expected.now),
      clockTolerance: expected.tolerance,
    });
    return { claims: payload };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/** In our words, as those of the package may quote what was sent. */
function faultOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing'
      ? `its claim ${error.claim} is missing`
      : `its claim ${error.claim} is not as it has to be`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return 'its signature does not fit the key';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  return 'it is no valid JWT, or its key cannot be used';
}

/** Whether the numbers of a public key make one for this algorithm. */
export async function isKey(key: Jwk, algorithm: 'RS384' | 'ES384'): Promise<boolean> {
  return importJWK(key as JWK, algorithm).then(
    () => true,
    () => false,
  );
}

export interface NewKey {
  /** The thumbprint (RFC 7638). */
  kid: string;
  publicJwk: Jwk;
  privateJwk: Jwk;
}

/** A new RSA key of 2048 bits to sign id_tokens with. */
export async function newSigningKey(): Promise<NewKey> {
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const bare = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(bare);
  const publicJwk = { ...bare, kid, alg: 'RS256', use: 'sig' };
  return { kid, publicJwk, privateJwk: { ...(await exportJWK(pair.privateKey)) } };
}

/** Signs claims as RS256. */
export type Sign = (claims: Claims) => Promise<string>;

/** Makes a private key ready to sign. Throws where it is none. */
export async function signer(privateJwk: Jwk, kid: string): Promise<Sign> {
  const key = await importJWK(privateJwk as JWK, 'RS256');
  return (claims) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(key);
}

const SEAL = 'PBES2-HS512+A256KW';
/** The secret may be a phrase that a person chose (OWASP: PBKDF2 with SHA-512, 210,000 rounds). */
const ROUNDS = 210_000;

/** Encrypts a text with a passphrase, as a compact JWE. About 100 ms. */
export function seal(text: string, secret: string): Promise<string> {
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: SEAL, enc: 'A256GCM' })
    .setKeyManagementParameters({ p2c: ROUNDS })
    .encrypt(Buffer.from(secret));
}

/** What `seal` was given; undefined where the passphrase is another one. About 100 ms. */
export async function unseal(sealed: string, secret: string): Promise<string | undefined> {
  try {
    const { plaintext } = await compactDecrypt(sealed, Buffer.from(secret), {
      keyManagementAlgorithms: [SEAL],
      contentEncryptionAlgorithms: ['A256GCM'],
      maxPBES2Count: ROUNDS,
    });
    return Buffer.from(plaintext).toString('utf8');
  } catch {
    return undefined;
  }
}
