import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A key pair of a client. */
export interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** The public half, with its kid. */
  jwk: Record<string, unknown> & { kid: string };
}

/** A key pair for RS384 (`RSA`) or ES384 (`EC`); `size` is the bits of RSA, or the curve. */
export function pairOf(kty: 'RSA' | 'EC', kid: string, size?: number | string): Pair {
  const { privateKey, publicKey } =
    kty === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: Number(size ?? 2048) })
      : generateKeyPairSync('ec', { namedCurve: String(size ?? 'P-384') });
  return { privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } };
}

const encoded = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/**
 * A JWT by hand, so that it can be wrong in every way: `header` and `claims` may be texts, and the
 * signature is made as `alg` says, or with HMAC where the key is a text.
 */
export function jwtBy(key: KeyObject | string, header: unknown, claims: unknown): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  const { alg } = header as { alg?: string };
  if (alg === 'none') return `${text}.`;
  if (typeof key === 'string') {
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
  }
  const digest = alg?.endsWith('256') ? 'sha256' : 'sha384';
  const signature = sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

export interface Answers {
  /** `http://127.0.0.1:PORT/jwks`. */
  url: string;
  /** Paths asked for so far. */
  asked: string[];
  stop(): Promise<void>;
}

/** A host that answers GET as `answer` does. */
export async function hostOf(
  answer: Parameters<typeof createServer>[1] & {},
  address = '127.0.0.1',
): Promise<Answers> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    return answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}/jwks`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
