import { parseSearchDate } from '../fhir/date.ts';
import { FhirError } from '../fhir/error.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { Days, Store } from '../store/store.ts';
import type { Exchange } from './request.ts';
import { answer } from './respond.ts';
import type { Service } from './service.ts';

/**
 * GET [base]/AuditEvent/$verify: recomputes the hash chain of the audit journal, for who may search
 * all AuditEvents. `from` and `to` are days of UTC, inclusive; `date` says them as a search does.
 */
export async function verifyAudit(service: Service, exchange: Exchange): Promise<Response> {
  const days = daysOf(exchange);
  const found = await service.store.verifyAudit(exchange.actor, days);
  const text = JSON.stringify({ resourceType: 'Parameters', parameter: partsOf(found) });
  return answer(service, exchange, text);
}

type Verification = Awaited<ReturnType<Store['verifyAudit']>>;

/** FHIR has no empty values: what is not known is left out. */
function partsOf({ intact, blocks, events, pending, head, faults }: Verification): JsonObject[] {
  return [
    { name: 'intact', valueBoolean: intact },
    { name: 'blocks', valueUnsignedInt: blocks },
    { name: 'events', valueUnsignedInt: events },
    { name: 'pending', valueUnsignedInt: pending },
    ...(head === undefined ? [] : [{ name: 'head', valueString: head }]),
    ...faults.map(({ day, block, text }) => ({
      name: 'fault',
      part: [
        { name: 'day', valueDate: day },
        { name: 'block', valueUnsignedInt: block },
        { name: 'text', valueString: text },
      ],
    })),
  ];
}

const TAKEN: readonly string[] = ['from', 'to', 'date', '_format', '_pretty'];

/** @throws FhirError invalid */
function daysOf(exchange: Exchange): Days {
  const stray = exchange.query.find(([name]) => !TAKEN.includes(name));
  if (stray) {
    const text = `$verify has no parameter "${stray[0].slice(0, 80)}". It takes ${TAKEN.join(', ')}.`;
    throw new FhirError('invalid', text);
  }
  const bounds = exchange.query.flatMap(([name, value]): Days[] => {
    if (name === 'from') return [{ from: dayOf(name, value).from }];
    if (name === 'to') return [{ to: dayOf(name, value).to }];
    return name === 'date' ? [dateBounds(value)] : [];
  });
  const from = bounds
    .flatMap((one) => one.from ?? [])
    .sort()
    .at(-1);
  const [to] = bounds.flatMap((one) => one.to ?? []).sort();
  if (from !== undefined && to !== undefined && from > to) {
    throw new FhirError('invalid', `$verify: ${from} is later than ${to}.`);
  }
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

const DAY_MS = 86_400_000;
const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

interface Whole {
  from: string;
  to: string;
  lo: number;
  hi: number;
}

/** The days of a day, a month or a year. */
function dayOf(name: string, text: string): Whole {
  const date = /^\d{4}(-\d\d){0,2}$/.test(text) ? parseSearchDate(text, 0) : undefined;
  if (date) return { from: dayAt(date.lo), to: dayAt(date.hi), lo: date.lo, hi: date.hi };
  const shown = text.slice(0, 60);
  throw new FhirError('invalid', [
    {
      ...{ severity: 'error', code: 'value', expression: `http.${name}` },
      diagnostics: `${name}: "${shown}" is no day. Send one of UTC, such as 2026-11-23.`,
    },
  ]);
}

/** `2026-11-23`, `ge2026-11-01`, `lt2026-12`: the prefixes of a search that bound a range of days. */
function dateBounds(value: string): Days {
  const [, prefix = '', text = ''] = /^(eq|ge|gt|sa|le|lt|eb)?(.*)$/s.exec(value) ?? [];
  const { from, to, lo, hi } = dayOf('date', text);
  switch (prefix) {
    case 'ge':
      return { from };
    case 'gt':
    case 'sa':
      return { from: dayAt(hi + 1) };
    case 'le':
      return { to };
    case 'lt':
    case 'eb':
      return { to: dayAt(lo - DAY_MS) };
    default:
      return { from, to };
  }
}
