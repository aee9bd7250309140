import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A security key in software (Web Authentication Level 3, section 6): ES256, attestation `none`. */
export interface Authenticator {
  /** What the browser's script would send back for `options`, as JSON. */
  create(options: CreationOptions, change?: Change): string;
  get(options: RequestOptions, change?: Change): string;
  /** Ids of the passkeys it holds, base64url. */
  ids(): string[];
}

export interface CreationOptions {
  challenge: string;
  rp: { id: string };
  user: { id: string };
}

export interface RequestOptions {
  challenge: string;
  rpId: string;
  allowCredentials?: { id: string }[];
}

/** What is not as it should be. */
export interface Change {
  origin?: string;
  challenge?: string;
  rpId?: string;
  type?: string;
  /** The counter that it tells; otherwise one more each time. */
  counter?: number;
  /** Whether the person was verified (PIN, finger); they were, unless said otherwise. */
  verified?: boolean;
  present?: boolean;
  crossOrigin?: boolean;
  /** Which passkey answers; the first that fits unless said otherwise. */
  id?: string;
  userHandle?: string;
  /** Signs with a key of somebody else. */
  forged?: boolean;
  fmt?: string;
  attStmt?: Map<unknown, unknown>;
}

interface Held {
  id: string;
  key: KeyObject;
  rpId: string;
  userHandle: string;
  counter: number;
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();
const encode = (data: Buffer): string => data.toString('base64url');

/**
 * @param origin of the page that asks
 * @param counts whether it has a counter; synced passkeys have none
 */
export function newAuthenticator(
  origin: string,
  { counts = true, synced = false }: { counts?: boolean; synced?: boolean } = {},
): Authenticator {
  const held: Held[] = [];
  const clientData = (type: string, challenge: string, change: Change): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...saidIn(change) }));
  const flags = ({ verified = true, present = true }: Change, attested: boolean): number =>
    (present ? 1 : 0) | (verified ? 4 : 0) | (synced ? 8 : 0) | (attested ? 64 : 0);
  const next = (one: Held, { counter }: Change): number => {
    if (counts) one.counter++;
    return counter ?? one.counter;
  };

  return {
    ids: () => held.map(({ id }) => id),
    create(options, change = {}) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const id = randomBytes(32);
      const one: Held = {
        ...{ id: encode(id), key: privateKey, rpId: options.rp.id },
        ...{ userHandle: options.user.id, counter: 0 },
      };
      held.push(one);
      const authData = Buffer.concat([
        head(change.rpId ?? one.rpId, flags(change, true), next(one, change)),
        ...[Buffer.alloc(16), Buffer.from([0, id.length]), id, coseOf(publicKey)],
      ]);
      const attestation = new Map<unknown, unknown>([
        ['fmt', change.fmt ?? 'none'],
        ['attStmt', change.attStmt ?? new Map()],
        ['authData', authData],
      ]);
      const client = clientData('webauthn.create', options.challenge, change);
      return JSON.stringify({
        ...{ id: one.id, rawId: one.id, type: 'public-key', clientExtensionResults: {} },
        response: {
          clientDataJSON: encode(client),
          attestationObject: encode(cbor(attestation)),
          transports: ['usb'],
        },
      });
    },
    get(options, change = {}) {
      const allowed = options.allowCredentials?.map(({ id }) => id);
      const wanted = change.id ?? held.find(({ id }) => allowed?.includes(id) ?? true)?.id;
      const one = held.find(({ id }) => id === wanted);
      if (!one) throw new Error('no passkey of this authenticator will do');
      const authData = head(change.rpId ?? options.rpId, flags(change, false), next(one, change));
      const client = clientData('webauthn.get', options.challenge, change);
      const key = change.forged
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
        : one.key;
      const signature = sign('sha256', Buffer.concat([authData, sha256(client)]), key);
      return JSON.stringify({
        ...{ id: one.id, rawId: one.id, type: 'public-key', clientExtensionResults: {} },
        response: {
          clientDataJSON: encode(client),
          authenticatorData: encode(authData),
          signature: encode(signature),
          userHandle: change.userHandle ?? one.userHandle,
        },
      });
    },
  };
}

/** What of it stands in the client data. */
const saidIn = (change: Change): object =>
  Object.fromEntries(
    Object.entries(change).filter(([name]) =>
      ['type', 'challenge', 'origin', 'crossOrigin'].includes(name),
    ),
  );

/** 6.1: hash of the relying party, flags, counter. */
function head(rpId: string, flags: number, counter: number): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([sha256(rpId), Buffer.from([flags]), count]);
}

/** RFC 9052 7: EC2, ES256, P-256, x, y. */
function coseOf(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const part = (text: string): Buffer => Buffer.from(text, 'base64url');
  return cbor(
    new Map<unknown, unknown>([
      ...([
        [1, 2],
        [3, -7],
        [-1, 1],
      ] as const),
      ...([
        [-2, part(x)],
        [-3, part(y)],
      ] as const),
    ]),
  );
}

/** As much of RFC 8949 as passkeys need. */
export function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? sized(1, -1 - value) : sized(0, value);
  if (typeof value === 'string')
    return Buffer.concat([sized(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([sized(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([sized(4, value.length), ...value.map(cbor)]);
  if (value instanceof Map) {
    return Buffer.concat([sized(5, value.size), ...[...value].flat().map(cbor)]);
  }
  throw new Error(`no CBOR for ${typeof value}`);
}

function sized(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size]);
  if (size < 256) return Buffer.from([(major << 5) | 24, size]);
  return Buffer.from([(major << 5) | 25, size >> 8, size & 255]);
}
