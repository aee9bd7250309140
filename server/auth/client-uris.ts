/** Addresses of apps as they are registered. Requests must then repeat them exactly. */

const LONGEST = 2000;
const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * What is wrong with a redirect URI, undefined where nothing is: https, http to the own machine, or a
 * scheme of the app's own with a dot in it (RFC 8252 7); never a part left open.
 */
export function redirectFault(text: string): string | undefined {
  const url = parsed(text);
  if (typeof url === 'string') return url;
  // The dot keeps out `javascript:`, `data:` and their like (RFC 8252 8.4).
  const isOwn = !/^https?:$/.test(url.protocol) && url.protocol.includes('.');
  if (!isOwn && !isWeb(url)) return NOT_WEB;
  return taken(url, ['code', 'state', 'error', 'iss']);
}

/** What is wrong with the address an EHR opens to launch an app, undefined where nothing is. */
export function launchFault(text: string): string | undefined {
  const url = parsed(text);
  if (typeof url === 'string') return url;
  return isWeb(url) ? taken(url, ['iss', 'launch']) : NOT_WEB;
}

/** What this server adds must not stand there twice: apps differ in which of the two they read. */
function taken({ searchParams }: URL, names: readonly string[]): string | undefined {
  const name = names.find((one) => searchParams.has(one));
  return name && `has the parameter ${name} in its query, which this server adds itself`;
}

const NOT_WEB = 'is not https, nor http to the own machine';

const isWeb = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname));

function parsed(text: string): URL | string {
  if (text.length > LONGEST || !/^[\x21-\x7e]+$/.test(text) || text.includes('\\')) {
    return `is not an address of at most ${LONGEST} plain characters`;
  }
  if (!URL.canParse(text)) return 'is not an absolute address';
  if (text.includes('#')) return 'has a fragment (RFC 6749 3.1.2)';
  if (text.includes('*')) return 'has a wildcard: each address must be registered in full';
  const url = new URL(text);
  // Browsers forgive more or fewer slashes, and an empty user name: others read them differently.
  if (/^https?:/i.test(text) && !/^https?:\/\/[^/?]/i.test(text)) {
    return 'does not begin with https:// and a host';
  }
  if (url.username !== '' || url.password !== '' || /^[^/?]*:\/\/[^/?]*@/.test(text)) {
    return 'holds a user name';
  }
  return url;
}
