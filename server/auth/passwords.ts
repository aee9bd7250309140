import { hash, verify } from '@node-rs/argon2';
import { OAuthError } from './types.ts';

/** Passwords at rest: argon2id with 19 MiB and two passes (OWASP Password Storage Cheat Sheet). */
const cost = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };

/** Each takes 19 MiB and one of libuv's four threads, which files and name look-ups need too. */
const AT_ONCE = 2;
/** About 16 ms each: whoever would wait longer than a second is better told to come again. */
const WAITING = 100;

/** A hash to be kept. Throws OAuthError 429 when too many wait. */
export const hashPassword = (text: string): Promise<string> =>
  inTurn(() => hash(normal(text), cost));

/**
 * Whether `text` is the password that was hashed. Without a hash it takes as long and is false, so
 * that a login nobody has cannot be told from a wrong password. Throws OAuthError 429 when too many
 * wait.
 */
export async function verifyPassword(stored: string | undefined, text: string): Promise<boolean> {
  // Made for known logins too: the first one would show by the time it takes.
  const other = await nobodys();
  const right = await inTurn(() => verify(stored ?? other, normal(text)));
  return right && stored !== undefined;
}

const SHORTEST = 12;
/** Argon2 takes any length; this bounds what comes before it. */
const LONGEST = 256;
const DIFFERENT = 5;
/** Words that alone, or with digits and marks around them, are tried first by everybody. */
const common =
  'password passwort passw0rd p@ssw0rd qwertyuiop qwertzuiop qwerty asdfghjkl 1234567890 letmein ' +
  'welcome iloveyou administrator admin changeme default secret hospital kiln';

/**
 * What is wrong with a new password, said to the one who chose it; undefined where it will do. NIST
 * SP 800-63B 3.1.1.2: length and well-known choices count, sorts of characters do not.
 *
 * @param own words that must not be most of it: login and name
 */
export function passwordFault(text: string, own: readonly string[]): string | undefined {
  const password = normal(text).toLowerCase();
  const length = [...password].length;
  if (length < SHORTEST) {
    return `The password needs at least ${SHORTEST} characters; a few words together do well.`;
  }
  if (length > LONGEST) return `The password can have at most ${LONGEST} characters.`;
  const rest = [...own, common]
    .flatMap((words) => normal(words).toLowerCase().split(/\s+/))
    .filter((word) => word.length > 2)
    .reduce((left, word) => left.replaceAll(word, ''), password);
  if (new Set(rest).size >= DIFFERENT) return undefined;
  return 'The password is easy to guess: it is little more than a name, a well-known word or a repetition.';
}

/** So that it is the same password on every keyboard (NIST SP 800-63B 3.1.1.2). */
const normal = (text: string): string => text.slice(0, 4 * LONGEST).normalize('NFKC');

let nobody: Promise<string> | undefined;

/** The hash of a password that nobody knows. */
function nobodys(): Promise<string> {
  nobody ??= hash(crypto.randomUUID(), cost);
  return nobody;
}

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (waiting.length >= WAITING) {
    const reason = 'Too many people are signing in at this moment. Try again in some seconds.';
    throw new OAuthError('slow_down', reason, 429, 5);
  }
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await work();
  } finally {
    // The place goes to the next in line, if there is one.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
