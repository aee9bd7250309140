import { isKey, type Jwk } from './jose.ts';

/** The public keys that clients prove themselves with (SMART App Launch 2.2, asymmetric). */

/** Algorithm of an assertion -> `kty` of its key. */
export const ASSERTION_ALGORITHMS = { RS384: 'RSA', ES384: 'EC' } as const;
export type AssertionAlgorithm = keyof typeof ASSERTION_ALGORITHMS;

/** Members of keys that must be kept private (RFC 7518 6.2.2, 6.3.2, 6.4.1). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** Characters of base64url for 2048 and 8192 bits: below is weak, above is slow to check. */
const MODULUS = { least: 342, most: 1366 };
/** 65537 is `AQAB`; a long exponent makes each check slow. */
const EXPONENT = /^[\w-]{1,6}$/;

/** What is wrong with a key that is to be registered; undefined where it can be used. */
export async function keyFault(key: Jwk): Promise<string | undefined> {
  if (PRIVATE.some((name) => Object.hasOwn(key, name))) {
    return 'holds private parts: make a new pair, as this one has been told, and send its public half';
  }
  const { kid } = key;
  if (typeof kid !== 'string' || kid === '' || kid.length > 200) return 'has no kid';
  const algorithm = algorithmOf(key);
  if (!algorithm) return 'is not for RS384 (RSA of 2048 to 8192 bits) or ES384 (EC, P-384)';
  if (!isForVerifying(key, algorithm)) return 'is not meant to verify signatures by its use or alg';
  return (await isKey(bare(key), algorithm)) ? undefined : 'cannot be read';
}

/**
 * The key for an assertion: of those with its `kid` and the `kty` of its algorithm there must be
 * exactly one, and that one must be for it. Else what is wrong.
 */
export function chooseKey(
  keys: readonly Jwk[],
  { kid, algorithm }: { kid: string; algorithm: AssertionAlgorithm },
): Jwk | string {
  const fitting = keys.filter(
    (key) => key['kid'] === kid && key['kty'] === ASSERTION_ALGORITHMS[algorithm],
  );
  const [key] = fitting;
  if (!key)
    return `no key of the client has its kid and is of the type ${ASSERTION_ALGORITHMS[algorithm]}`;
  if (fitting.length > 1) return 'several keys of the client have its kid';
  if (algorithmOf(key) !== algorithm || !isForVerifying(key, algorithm)) {
    return `the key with its kid is not for ${algorithm}`;
  }
  return bare(key);
}

function algorithmOf({ kty, n, e, crv }: Jwk): AssertionAlgorithm | undefined {
  if (kty === 'EC') return crv === 'P-384' ? 'ES384' : undefined;
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return undefined;
  const isSound = n.length >= MODULUS.least && n.length <= MODULUS.most && EXPONENT.test(e);
  return isSound ? 'RS384' : undefined;
}

function isForVerifying({ use, alg, key_ops: ops }: Jwk, algorithm: AssertionAlgorithm): boolean {
  const isUse = use === undefined || use === 'sig';
  const isAlg = alg === undefined || alg === algorithm;
  return isUse && isAlg && (ops === undefined || (Array.isArray(ops) && ops.includes('verify')));
}

/** The numbers alone, so that nothing else in a stranger's key is interpreted. */
function bare({ kty, n, e, crv, x, y }: Jwk): Jwk {
  return kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
}
