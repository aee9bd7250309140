import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { credentials } from './config-values.ts';
import { ServerAway } from './load/client.ts';
import { findInputs, type Input } from './load/files.ts';
import { Progress } from './load/progress.ts';
import { Report, summaryText } from './load/report.ts';
import { load } from './load/run.ts';
import { findServer, NoServer, startServer, type Target } from './load/target.ts';
import { type Credentials, createTokens, mayGoWithout, NoToken } from './load/token.ts';

const help = `npm run load -- [options] FILES OR FOLDERS

Loads FHIR R4 resources: JSON, NDJSON, gzip of both; single resources and Bundles of type
transaction, batch, collection, searchset. Organisations and practitioners go first.

It loads into the server at HOST and PORT; if none runs there, into the database that the settings
name, by starting a server for as long as it takes.

Loading the same again does nothing, so a load that was interrupted is simply started again.

  --base URL         FHIR base of the server; none is started then
  --client ID:SECRET a system client of the server, where it asks who calls (KILN_AUTH=smart);
                     by default that of KILN_BOOTSTRAP_CLIENT
  --connections N    requests at one time (default 4)
  --patience SECONDS how long to wait for a server that does not answer (default 120)
  --report FILE      writes all that was refused to a file, one JSON object a line
  --help

Exit code: 0 all is loaded, 1 something was refused, 2 the load could not begin or go on.
`;

const exits = { loaded: 0, refused: 1, failed: 2 } as const;

/** A wrong command line; the message is for people. */
class UsageError extends Error {}

interface Options {
  base: string | undefined;
  client: Credentials | undefined;
  connections: number;
  patience: number;
  report: string | undefined;
  paths: string[];
}

/** The options, or undefined where only help is wanted. Throws UsageError. */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals: paths } = parse(args);
  if (values.help) return undefined;
  if (paths.length === 0) throw new UsageError(`Which files?\n\n${help}`);
  const connections = Number(values.connections);
  const patience = Number(values.patience) * 1000;
  if (!Number.isInteger(connections) || connections < 1 || connections > 64) {
    throw new UsageError('--connections takes a whole number from 1 to 64.');
  }
  if (!(patience >= 0)) throw new UsageError('--patience takes a number of seconds.');
  const base = values.base?.replace(/\/+$/, '');
  if (base !== undefined && !/^https?:\/\/./.test(base)) {
    throw new UsageError('--base takes a URL such as http://127.0.0.1:8080/fhir.');
  }
  const client = values.client === undefined ? undefined : credentials.parse(values.client);
  if (values.client !== undefined && !client) {
    throw new UsageError(`--client takes ${credentials.expects}.`);
  }
  return { base, client, connections, patience, report: values.report, paths };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        base: { type: 'string' },
        client: { type: 'string' },
        connections: { type: 'string', default: '4' },
        patience: { type: 'string', default: '120' },
        report: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function inputsOf(paths: readonly string[]): Promise<Input[]> {
  try {
    return await findInputs(paths);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The server of the settings, started where it does not run. */
async function openTarget(base: string | undefined): Promise<Target> {
  if (base !== undefined) {
    const target = await findServer(base);
    if (!target) throw new NoServer(`Nothing answers at ${base}.`);
    return target;
  }
  const config = loadConfig();
  const address = addressOf(config);
  const running = address === undefined ? undefined : await findServer(address);
  if (running) return running;
  process.stdout.write('No server is running: one is started for the load.\n');
  return startServer(address);
}

/** Where the server of these settings listens; unknown with port 0. */
function addressOf({ host, port }: Config): string | undefined {
  const any = host === '0.0.0.0' || host === '::';
  const name = any ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return port === 0 ? undefined : `http://${name}:${port}/fhir`;
}

/** The client that the settings make for automation. */
function bootstrapClient(): Credentials | undefined {
  const { auth, authorization } = loadConfig();
  return auth === 'smart' ? authorization.bootstrapClient : undefined;
}

/** The first signal finishes what is under way; a second one does not wait. */
function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  const handle = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[signal]);
    process.exitCode = 128 + constants.signals[signal];
    controller.abort();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return controller.signal;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(help);
    return;
  }
  const inputs = await inputsOf(options.paths);
  const report = new Report(options.report);
  const signal = stopOnSignal();
  const target = await openTarget(options.base);
  const progress = new Progress(inputs.length, report, process.stdout);
  const onFile = (): void => {
    progress.files += 1;
  };
  try {
    const { base, now: since } = target;
    const client = options.client ?? bootstrapClient();
    const tokens = client && createTokens(base, client);
    if (!tokens) await mayGoWithout(base);
    await load(inputs, { ...options, base, since, report, onFile, signal, tokens });
  } finally {
    const seconds = progress.stop();
    process.stdout.write(summaryText(report, progress.files, seconds));
    await target.close();
  }
  if (signal.aborted) process.stdout.write('Interrupted. Start it again to go on.\n');
  else process.exitCode = report.counts.refused > 0 ? exits.refused : exits.loaded;
}

main().catch((error: unknown) => {
  const told = [UsageError, ConfigError, NoServer, NoToken, ServerAway].some(
    (kind) => error instanceof kind,
  );
  const { message, stack } = error as Error;
  process.stderr.write(`${told ? message : stack}\n`);
  process.exit(exits.failed);
});
