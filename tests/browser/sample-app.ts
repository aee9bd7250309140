import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../server/fhir/types.ts';
import type { Need } from './chromium.ts';
import type { Hospital } from './hospital.ts';

/** SMART apps as a developer writes them with fhirclient, SMART's own JavaScript library. */

const folder = new URL('./fhirclient/', import.meta.url);
const BUNDLE = new URL('node_modules/fhirclient/build/fhir-client.min.js', folder);

/** For `needs`: `.ci/run` installs it. */
export const fhirclient: Need = {
  name: 'fhirclient (npm ci --prefix tests/browser/fhirclient)',
  there: existsSync(BUNDLE),
};

export interface SampleApp {
  id: string;
  name: string;
  /** The page that starts a launch: `iss` in its query for a standalone one, and `launch`. */
  launchUrl: string;
  /** The page that the browser comes back to. */
  appUrl: string;
  stop(): Promise<void>;
}

export interface AppSettings {
  id: string;
  name: string;
  scope: string;
}

/**
 * An app without a server: fhirclient in the browser. Its page shows the patient, and keeps the
 * client in `window.client`.
 */
export async function startBrowserApp(
  hospital: Hospital,
  settings: AppSettings,
): Promise<SampleApp> {
  const { id, scope } = settings;
  const wish = JSON.stringify({
    clientId: id,
    scope,
    redirectUri: 'app.html',
    pkceMode: 'required',
  });
  const library = readFileSync(BUNDLE);
  const pages: Record<string, string> = {
    '/launch.html': pageOf(`FHIR.oauth2.authorize(${wish}).catch(show)`),
    '/app.html': pageOf(`FHIR.oauth2.ready().then((client) => {
      window.client = client;
      return client.patient.read().then((patient) => show(patient.name[0].family));
    }).catch(show)`),
  };
  const app = await listen((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    const text = path === '/fhir-client.js' ? library : pages[path];
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(text ? 200 : 404, { 'Content-Type': `${type}; charset=utf-8` }).end(text);
  });
  await register(hospital, settings, app, { token_endpoint_auth_method: 'none' });
  return { ...settings, ...app };
}

const pageOf = (script: string): string => `<!doctype html>
  <html lang="en"><head><title>Sample app</title><link rel="icon" href="data:,"></head>
  <body><h1>Sample app</h1><p id="said">...</p>
  <script src="/fhir-client.js"></script>
  <script>
    const show = (what) => { document.getElementById('said').textContent = String(what); };
    ${script}
  </script></body></html>`;

/** As far as the test uses them. */
interface SmartClient {
  patient: { id: string; read(): Promise<{ name: { family: string }[] }> };
  refresh(): Promise<unknown>;
}
type Smart = (...exchange: Parameters<RequestListener>) => {
  authorize(options: object): Promise<unknown>;
  ready(): Promise<SmartClient>;
};

/**
 * An app with a server and a secret: fhirclient in Node, with one user at a time. Its page shows the
 * patient, read with an access token that was refreshed once.
 */
export async function startNodeApp(hospital: Hospital, settings: AppSettings): Promise<SampleApp> {
  const smart = createRequire(new URL('package.json', folder))('fhirclient') as Smart;
  const session: Record<string, unknown> = {};
  let secret = '';
  const app = await listen((request, response) => {
    const api = smart(Object.assign(request, { session }), response);
    const isLaunch = request.url?.startsWith('/launch.html');
    const { id: clientId, scope } = settings;
    const done = isLaunch
      ? api.authorize({ clientId, clientSecret: secret, scope, redirectUri: '/app.html' })
      : api.ready().then(async (client) => {
          await client.refresh();
          const [name] = (await client.patient.read()).name;
          response.end(`<!doctype html><title>App</title><p id="said">${name?.family}</p>`);
        });
    done.catch((error: unknown) => response.end(`<p id="said">${error}</p>`));
  });
  const made = await register(hospital, settings, app, {
    token_endpoint_auth_method: 'client_secret_basic',
  });
  secret = String(made['client_secret']);
  return { ...settings, ...app };
}

type Listening = Pick<SampleApp, 'launchUrl' | 'appUrl' | 'stop'>;

/** Under the name localhost, which is another site than the server's 127.0.0.1 (SameSite). */
async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    ...{ launchUrl: `${origin}/launch.html`, appUrl: `${origin}/app.html` },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const register = (
  { send }: Hospital,
  { id, name, scope }: AppSettings,
  ...[app, more]: [Listening, object]
): Promise<JsonObject> =>
  send('PUT', `/admin/clients/${id}`, {
    ...{ client_name: name, scope, redirect_uris: [app.appUrl], launch_uris: [app.launchUrl] },
    ...{ grant_types: ['authorization_code', 'refresh_token'], ...more },
  });
