import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import type { AuthService } from './types.ts';

/**
 * The only user of @simplewebauthn/server: what passkeys are asked, and whether they answer it (Web
 * Authentication Level 3, 7.1 and 7.2). The package is loaded when the first passkey is used.
 */

/** What the server keeps of a passkey to know it again. */
export interface PasskeyKey {
  /** Base64url. */
  id: string;
  /** COSE_Key. */
  publicKey: Buffer;
  counter: number;
  /** How the browser reaches it: `usb`, `internal`, ... */
  transports: readonly string[];
}

export interface NewPasskey extends PasskeyKey {
  /** It may be copied to other devices of its owner. */
  synced: boolean;
}

/** Parameters of navigator.credentials, as JSON. */
export type Options = object;

/** Base64url of at most 1023 bytes (4, "credential ID"). */
const ID = /^[\w-]{1,1364}$/;
/** Bytes; RSA keys of 16384 bits take half of them. */
const LONGEST_KEY = 4096;
/** Milliseconds for which the browser waits; the server waits no longer either. */
export const PATIENCE = 5 * 60 * 1000;
/** ES256, EdDSA, RS256 (COSE). */
const ALGORITHMS = [-7, -8, -257];

/**
 * Whether passkeys can work at this address: browsers take only names, and only over https or of the
 * own machine (5.1.2, "relying party identifier").
 */
export function passkeysWork({ config }: Pick<AuthService, 'config'>): boolean {
  const { protocol, hostname } = new URL(config.origin);
  const isAddress = /^[\d.]+$|^\[/.test(hostname);
  return !isAddress && (protocol === 'https:' || hostname === 'localhost');
}

const siteOf = ({ config }: AuthService): string => new URL(config.origin).hostname;

/** What the authenticator keeps for the person: it tells nothing to others. */
const handleOf = async (userId: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', Buffer.from(userId)));

const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(text, 'base64url'));

export interface Creation {
  user: { id: string; login: string; name: string };
  /** Base64url. */
  challenge: string;
  /** What they have already. */
  known: readonly PasskeyKey[];
}

/** What to ask a browser to make a new passkey with. */
export async function creationOptions(
  service: AuthService,
  { user, challenge, known }: Creation,
): Promise<Options> {
  const { generateRegistrationOptions } = await import('@simplewebauthn/server');
  return generateRegistrationOptions({
    ...{ rpName: 'Kiln', rpID: siteOf(service), timeout: PATIENCE },
    ...{ userName: user.login, userDisplayName: user.name, userID: await handleOf(user.id) },
    challenge: bytesOf(challenge),
    attestationType: 'none',
    excludeCredentials: known.map(described),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    supportedAlgorithmIDs: ALGORITHMS,
  });
}

/** The passkey that a browser made, or undefined where the answer does not fit what was asked. */
export async function readCreation(
  service: AuthService,
  { answer, challenge }: { answer: unknown; challenge: string },
): Promise<NewPasskey | undefined> {
  return soundly(service, async () => {
    const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
    const response = await withoutAttestation(answer as RegistrationResponseJSON);
    refuseFrames(response.response.clientDataJSON);
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      ...{ response, expectedChallenge: challenge, requireUserVerification: false },
      ...{ expectedOrigin: service.config.origin, expectedRPID: siteOf(service) },
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!verified) return undefined;
    const { id, publicKey, counter } = info.credential;
    if (!ID.test(id) || publicKey.length > LONGEST_KEY) return undefined;
    const transports = textsIn(response.response.transports);
    const synced = info.credentialDeviceType === 'multiDevice';
    return { id, publicKey: Buffer.from(publicKey), counter, transports, synced };
  });
}

/**
 * The answer with the statement `none`, which is what was asked for: no statement is trusted, so none
 * is looked at (and the package fetches no revocation lists that one names).
 */
async function withoutAttestation(answer: RegistrationResponseJSON) {
  const { decodeAttestationObject, isoCBOR } = await import('@simplewebauthn/server/helpers');
  const { attestationObject } = answer.response;
  const made = decodeAttestationObject(bytesOf(attestationObject));
  const bare = new Map<string, unknown>([
    ...([
      ['fmt', 'none'],
      ['attStmt', new Map()],
    ] as const),
    ['authData', made.get('authData')],
  ]);
  const text = Buffer.from(isoCBOR.encode(bare as never)).toString('base64url');
  return { ...answer, response: { ...answer.response, attestationObject: text } };
}

export interface Asking {
  /** Base64url. */
  challenge: string;
  /** Those that will do; undefined: any that the authenticator knows for this site. */
  known?: readonly PasskeyKey[];
  /** Whether the person has to prove to the authenticator who they are (PIN, finger, face). */
  verified: boolean;
}

/** What to ask a browser to prove a passkey with. */
export async function requestOptions(
  service: AuthService,
  { challenge, known, verified }: Asking,
): Promise<Options> {
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server');
  return generateAuthenticationOptions({
    ...{ rpID: siteOf(service), timeout: PATIENCE, challenge: bytesOf(challenge) },
    ...(known && { allowCredentials: known.map(described) }),
    userVerification: verified ? 'required' : 'discouraged',
  });
}

/** The id of the passkey that an answer claims to come from. */
export function claimedId(answer: unknown): string | undefined {
  const { id } = (answer ?? {}) as { id?: unknown };
  return typeof id === 'string' && ID.test(id) ? id : undefined;
}

export interface Proof {
  /** To be kept, if it has grown. */
  counter: number;
  verified: boolean;
}

export interface Given {
  answer: unknown;
  challenge: string;
  passkey: PasskeyKey & { userId: string };
  /** Whether the person had to prove to the authenticator who they are. */
  verified: boolean;
}

/**
 * What the answer proves: made by this passkey for this challenge and origin, and no copy by its
 * counter. Undefined where it proves nothing.
 */
export async function readProof(service: AuthService, given: Given): Promise<Proof | undefined> {
  const { challenge, passkey, verified: isNeeded } = given;
  return soundly(service, async () => {
    const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
    const response = given.answer as AuthenticationResponseJSON;
    refuseFrames(response.response.clientDataJSON);
    await refuseOtherUser(response.response.userHandle, passkey.userId);
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      ...{ response, expectedChallenge: challenge, requireUserVerification: isNeeded },
      ...{ expectedOrigin: service.config.origin, expectedRPID: siteOf(service) },
      credential: {
        ...{ id: passkey.id, counter: passkey.counter },
        publicKey: new Uint8Array(passkey.publicKey),
      },
    });
    const { newCounter, userVerified } = authenticationInfo;
    return verified ? { counter: newCounter, verified: userVerified } : undefined;
  });
}

/** The package throws whatever does not fit; its words may quote what was sent. */
async function soundly<T>(
  service: AuthService,
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    service.log.warn({ part: 'auth', reason: 'passkey' }, 'an answer of a passkey does not fit');
    return undefined;
  }
}

/** Our pages stand in nobody's frames, so no answer of ours comes out of one. */
function refuseFrames(clientDataJSON: string): void {
  const said = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
  if (said.crossOrigin === true) throw new Error('out of a frame of another origin');
}

/** 7.2 step 6: the authenticator must mean the user whose passkey it is, where it says whom. */
async function refuseOtherUser(handle: unknown, userId: string): Promise<void> {
  if (handle === undefined || handle === null || handle === '') return;
  const own = Buffer.from(await handleOf(userId)).toString('base64url');
  if (handle !== own) throw new Error('of another user');
}

const described = ({ id, transports }: PasskeyKey) => ({ id, transports: [...transports] });

const textsIn = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.filter((one) => typeof one === 'string' && /^[\w-]{1,20}$/.test(one)).slice(0, 10)
    : [];
