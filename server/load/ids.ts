import { createHash } from 'node:crypto';

/** The namespace of the ids below: a random UUID, the same for ever. */
const NAMESPACE = Buffer.from('6f1c1b0e2d8b4c0f9d0b6a5f3c7e9a41', 'hex');

/**
 * The id for a resource that comes without one of its own: a UUID of version 5 (RFC 9562 5.5) of
 * what was read up to there and of the place. The same content gives the same id whenever and by
 * whomever it is loaded, which makes loading it again harmless.
 *
 * @param content digest of the file, or of a file of lines up to and with the line
 * @param place index within that content
 */
export function derivedId(content: string, place: number): string {
  const hash = createHash('sha1').update(NAMESPACE).update(`${content}/${place}`).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
