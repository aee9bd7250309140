import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchGuarded, urlFault } from '../../server/auth/outbound.ts';
import { type Answers, hostOf } from '../helpers/assertions.ts';

const hosts: Answers[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

type Answer = Parameters<typeof hostOf>[0];

async function host(answer: Answer, address?: string): Promise<Answers> {
  const made = await hostOf(answer, address);
  hosts.push(made);
  return made;
}

const limits = { allow: ['127.0.0.1'], timeoutMs: 2000, maxBytes: 1000 };

describe('urlFault()', () => {
  it.each([
    ['https://keys.example/jwks', undefined],
    ['https://keys.example:8443/jwks?x=1', undefined],
    ['https://8.8.8.8/jwks', undefined],
    ['https://[2606:4700::1]/jwks', undefined],
    ['http://keys.example/jwks', 'it is not https'],
    ['ftp://keys.example/jwks', 'it is not https'],
    ['file:///etc/passwd', 'it is not https'],
    ['data:application/json,{}', 'it is not https'],
    ['keys.example/jwks', 'it is no absolute URL'],
    ['https://user:pass@keys.example/', 'it holds a user name'],
    ['https://inside.example@127.0.0.1/', 'it holds a user name'],
    ['https://127.0.0.1/', 'its address is not public'],
    ['https://127.1/', 'its address is not public'],
    ['https://0x7f000001/', 'its address is not public'],
    ['https://2130706433/', 'its address is not public'],
    ['https://0177.0.0.1/', 'its address is not public'],
    ['https://127.0.0.1./', 'its address is not public'],
    ['https://[::1]/', 'its address is not public'],
    ['https://[::ffff:127.0.0.1]/', 'its address is not public'],
    ['https://[::ffff:7f00:1]/', 'its address is not public'],
    ['https://169.254.169.254/latest/meta-data/', 'its address is not public'],
    ['https://10.1.2.3/', 'its address is not public'],
    // Allowed by name or address, also without TLS; a name that only begins like it is not.
    ['http://inside.example/jwks', undefined],
    ['http://INSIDE.example/jwks', undefined],
    ['https://10.9.9.9/jwks', undefined],
    ['http://10.9.9.9/jwks', undefined],
    ['http://inside.example.evil.test/jwks', 'it is not https'],
    ['ftp://inside.example/jwks', 'it is not https'],
  ])('of %s is %s', (url, fault) => {
    expect(urlFault(url, ['inside.example', '10.9.9.9'])).toBe(fault);
  });
});

describe('fetchGuarded()', () => {
  it('gives body and headers of an answer of 200', async () => {
    const { url } = await host((_, response) => {
      response.setHeader('Cache-Control', 'max-age=5').end('{"keys":[]}');
    });
    const { body, headers } = await fetchGuarded(url, limits);
    expect(body.toString()).toBe('{"keys":[]}');
    expect(headers['cache-control']).toBe('max-age=5');
  });

  const refusals: [what: string, answer: Answer, message: RegExp][] = [
    [
      'a redirect, wherever it leads',
      (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
      /answered with 302/,
    ],
    ['an error', (_, response) => response.writeHead(500).end('secret'), /answered with 500/],
    [
      'a compressed answer, which may be a bomb',
      (_, response) =>
        response.setHeader('Content-Encoding', 'gzip').end(gzipSync(Buffer.alloc(100_000))),
      /answered in a coding/,
    ],
    ['more than the limit', (_, response) => response.end('x'.repeat(1001)), /more than 1000/],
    [
      'ten megabytes, after the first bytes too many',
      (_, response) => response.end(Buffer.alloc(10_000_000)),
      /more than 1000/,
    ],
    [
      'an answer cut off',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': '100' }).write('{');
        setImmediate(() => response.destroy());
      },
      /broke off|cut off/,
    ],
    ['no answer at all', (request) => request.socket.destroy(), /broke off/],
  ];
  it.each(refusals)('refuses %s', async (_what, answer, message) => {
    const { url } = await host(answer);
    await expect(fetchGuarded(url, limits)).rejects.toThrow(message);
  });

  it.each<[string, Answer]>([
    ['says nothing', () => undefined],
    ['never ends', (_, response) => response.writeHead(200).write('{')],
    [
      'sends byte by byte',
      (_, response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ])('gives up on a host that %s', async (_what, answer) => {
    const { url } = await host(answer);
    const impatient = { ...limits, timeoutMs: 100 };
    await expect(fetchGuarded(url, impatient)).rejects.toThrow('took too long');
  });

  it('gives up on a name that is looked up for ever', async () => {
    const never = { ...limits, timeoutMs: 100, resolve: () => new Promise<string[]>(() => {}) };
    await expect(fetchGuarded('https://slow.test/', never)).rejects.toThrow('took too long');
  });

  it.each([
    ['a private address', ['10.0.0.1']],
    ['a public and a private address', ['8.8.8.8', '127.0.0.1']],
    ['the address of the cloud', ['169.254.169.254']],
    ['IPv4 within IPv6', ['::ffff:127.0.0.1']],
  ])('does not ask a name that stands for %s', async (_what, addresses) => {
    const resolve = async () => addresses;
    const asking = fetchGuarded('https://inside.test/', { ...limits, allow: [], resolve });
    await expect(asking).rejects.toThrow('its address is not public');
  });

  it('refuses a name that nobody has', async () => {
    const resolve = () => Promise.reject(new Error('ENOTFOUND'));
    const asking = fetchGuarded('https://nobody.test/', { ...limits, resolve });
    await expect(asking).rejects.toThrow('its name is unknown');
  });

  it('connects to the address that was checked, also if the name means another by now', async () => {
    const good = await host((_, response) => response.end('good'));
    const { port } = new URL(good.url);
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    let lookups = 0;
    const resolve = async () => answers[lookups++] ?? [];
    const limited = { ...limits, allow: ['rebind.test'], resolve };
    const { body } = await fetchGuarded(`http://rebind.test:${port}/`, limited);
    expect(body.toString()).toBe('good');
    expect(lookups).toBe(1);
  });

  it('tells nothing of what came back', async () => {
    const { url } = await host((_, response) => response.writeHead(403).end('patient data'));
    await expect(fetchGuarded(url, limits)).rejects.not.toThrow('patient');
  });

  it('sends no cookies, no credentials and no referrer', async () => {
    let sent: string[] = [];
    const { url } = await host((request, response) => {
      sent = Object.keys(request.headers);
      response.end('{}');
    });
    await fetchGuarded(url, limits);
    expect(sent.sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host']);
  });
});
