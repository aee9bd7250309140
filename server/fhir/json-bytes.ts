/** The bytes that JSON's grammar is made of (RFC 8259). */
export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const QUOTE = 34;
export const COMMA = 44;
export const MINUS = 45;
export const DOT = 46;
export const ZERO = 48;
export const NINE = 57;
export const COLON = 58;
export const OPEN_ARRAY = 91;
export const BACKSLASH = 92;
export const CLOSE_ARRAY = 93;
export const OPEN_OBJECT = 123;
export const CLOSE_OBJECT = 125;

/** 1 for bytes that stand for themselves in a string: no quote, backslash or control character. */
export const PLAIN = new Uint8Array(256).map((_, byte) =>
  byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** 1 for the characters that may follow a backslash, `u` aside. */
export const ESCAPABLE = new Uint8Array(256).map((_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** Cheap hash of a property name, equal to the one the scanner makes of its bytes. */
export function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) | 0;
  return hash;
}

export const PROTO_HASH = hashOf('__proto__');
