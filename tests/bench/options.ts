import { parseArgs } from 'node:util';
import { scenarioNames } from './scenarios.ts';

export interface Options {
  /** Milliseconds per scenario, and before it unmeasured. */
  readonly duration: number;
  readonly warmup: number;
  readonly connections: number;
  readonly importConnections: number;
  /** Number of patients that the `import` scenario loads. */
  readonly patients: number;
  /** Slices that a scenario and its floor are measured in, in turns. */
  readonly rounds: number;
  readonly scenarios: readonly string[];
  /** Sizes in resources that growth, and the search shapes, are measured at. */
  readonly grow: readonly number[] | undefined;
  readonly search: readonly number[] | undefined;
  /** Whether the tables are vacuumed and analyzed before that. */
  readonly vacuum: boolean;
  /** Minutes. */
  readonly soak: number | undefined;
  /** Whether authentication and audit are measured against a server without. */
  readonly auth: boolean;
  /** How many times each kind of start is measured. */
  readonly starts: number | undefined;
  readonly markdown: boolean;
  readonly out: string | undefined;
}

const flags = {
  duration: { type: 'string' },
  warmup: { type: 'string' },
  connections: { type: 'string', default: '16' },
  patients: { type: 'string' },
  rounds: { type: 'string' },
  scenarios: { type: 'string' },
  grow: { type: 'boolean', default: false },
  search: { type: 'boolean', default: false },
  sizes: { type: 'string' },
  vacuum: { type: 'boolean', default: false },
  soak: { type: 'string' },
  start: { type: 'boolean', default: false },
  auth: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  repeat: { type: 'string', default: '5' },
  all: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const usage = `npm run bench -- [options]

Without --grow, --search, --soak, --start or --auth: import, scenarios, disk, memory, first and next start.
  --duration S --warmup S    measured and unmeasured seconds of each scenario (10, 2)
  --connections C            requests in flight (16)
  --patients N               records that are imported, some 380 resources each (80)
  --rounds N                 slices in which server and floor take turns (3)
  --scenarios a,b            only these; all: ${scenarioNames.join(' ')}
  --grow                     p50 and disk at two sizes; --sizes 100000,1000000; --vacuum before
  --search                   every search shape at two sizes; --sizes 200000,1000000; --vacuum before
  --soak MINUTES             a mixed load, with the server's memory over time
  --auth                     the same requests without and with authentication, and with audit
  --quick                    2 s per scenario, 30 records, 2 rounds: to see that it works
  --start                    start-up times, each --repeat 5 times
  --all                      everything (soak of 10 minutes unless given)
  --markdown                 tables for docs/performance.md
  --out FILE                 everything as JSON
`;

/** What is asked for, or a text to print instead: the help, or what is wrong. */
export function readOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({ args: [...args], options: flags });
    return values.help ? usage : optionsOf(values);
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}

const USUAL = { duration: '10', warmup: '2', patients: '80', rounds: '3' };
/** More and shorter slices, as it is the difference that counts. */
const AUTH = { ...USUAL, patients: '200', rounds: '6' };
const QUICK = { duration: '2', warmup: '0.5', patients: '30', rounds: '2' };

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'];

function optionsOf(values: Values): Options {
  const { all } = values;
  const soak = values.soak ?? (all ? '10' : undefined);
  const { grow, search, start, auth } = values;
  const onlyParts = !all && (grow || search || start || auth || soak !== undefined);
  const usual = values.quick ? QUICK : auth ? AUTH : USUAL;
  return {
    duration: number('duration', values.duration ?? usual.duration) * 1000,
    warmup: number('warmup', values.warmup ?? usual.warmup, 0) * 1000,
    connections: number('connections', values.connections),
    importConnections: 4,
    patients: number('patients', values.patients ?? usual.patients),
    rounds: number('rounds', values.rounds ?? usual.rounds),
    scenarios: scenariosOf(values.scenarios, onlyParts),
    grow: grow || all ? sizesOf(values.sizes ?? '100000,1000000') : undefined,
    search: search || all ? sizesOf(values.sizes ?? '200000,1000000') : undefined,
    vacuum: values.vacuum,
    soak: soak === undefined ? undefined : number('soak', soak),
    auth: auth || all,
    starts: start || all ? number('repeat', values.repeat) : undefined,
    markdown: values.markdown,
    out: values.out,
  };
}

const sizesOf = (text: string): number[] => text.split(',').map((size) => number('sizes', size));

function number(name: string, text: string, least = Number.MIN_VALUE): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && Number.isFinite(value)) return value;
  throw new Error(`--${name} ${text}: not a number above ${least === 0 ? 'or at ' : ''}0`);
}

function scenariosOf(list: string | undefined, none: boolean): readonly string[] {
  if (list === undefined) return none ? [] : scenarioNames;
  const names = list.split(',');
  const unknown = names.filter((name) => !scenarioNames.includes(name));
  if (unknown.length === 0) return scenarioNames.filter((name) => names.includes(name));
  throw new Error(
    `--scenarios: there is no ${unknown.join(', ')}; there are ${scenarioNames.join(', ')}`,
  );
}
