import type { IncomingMessage } from 'node:http';
import type { AuthContext } from './route.ts';
import { OAuthError } from './types.ts';

/** Parameters by name. Those without a value count as omitted (RFC 6749 3.1). */
export type Form = ReadonlyMap<string, string>;

const LONGEST_BODY = 64 * 1024;
const TYPE = 'application/x-www-form-urlencoded';

/**
 * The body of a POST as a form. Throws OAuthError invalid_request where it is none, is longer than
 * 64 kB, cannot be decoded, or has a parameter twice (RFC 6749 3.2).
 */
export async function formOf(context: AuthContext): Promise<Form> {
  const { incoming } = context.env;
  const [type = ''] = (incoming.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== TYPE) {
    throw new OAuthError('invalid_request', `Send the parameters as ${TYPE}.`);
  }
  if (incoming.headers['content-encoding'] !== undefined) {
    throw new OAuthError('invalid_request', 'Send the form without a Content-Encoding.');
  }
  return parseForm((await bodyOf(incoming)).toString('utf8'));
}

/** The parameters in the query of a request. Throws as `formOf`. */
export function queryOf(context: AuthContext): Form {
  const url = context.env.incoming.url ?? '';
  const at = url.indexOf('?');
  return parseForm(at < 0 ? '' : url.slice(at + 1));
}

/** Reads `a=b&c=d`. Throws as `formOf`. */
export function parseForm(text: string): Form {
  const found = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    if (found.has(name)) {
      throw new OAuthError('invalid_request', `The parameter ${shown(name)} stands twice.`);
    }
    found.set(name, at < 0 ? '' : decode(pair.slice(at + 1)));
  }
  for (const [name, value] of found) if (value === '') found.delete(name);
  return found;
}

/** A parameter that has to be there. Throws OAuthError invalid_request. */
export function required(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined) {
    throw new OAuthError('invalid_request', `The parameter ${name} is missing.`);
  }
  return value;
}

const shown = (name: string): string => (/^[\w.-]{1,40}$/.test(name) ? name : 'of that name');

function decode(text: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new OAuthError('invalid_request', 'A percent escape in the parameters is broken.');
  }
  if (plain.includes('\0')) {
    throw new OAuthError('invalid_request', 'The parameters hold the character NUL.');
  }
  return plain;
}

function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (text: string): void => {
      incoming.removeListener('data', take);
      incoming.resume();
      reject(new OAuthError('invalid_request', text));
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > LONGEST_BODY) fail('The form is longer than 64 kB.');
      else chunks.push(chunk);
    };
    if (incoming.destroyed) return fail('The form was cut off.');
    incoming.on('data', take);
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', () => fail('The form was cut off.'));
    incoming.once('close', () => incoming.complete || fail('The form was cut off.'));
  });
}
