import { FhirError } from '../fhir/error.ts';
import { pathOf } from '../request-path.ts';
import { AUDIT_EVENT } from '../store/store.ts';
import type { Route } from './app.ts';
import type { Exchange } from './request.ts';
import { answerEmpty } from './respond.ts';
import type { Service } from './service.ts';
import { reserved, unknownOperation, wrongMethod } from './target.ts';

interface Pattern {
  method: string;
  fits: RegExp;
}

/** A part of a path that a type or an id may fill: neither a word of the interface nor `$op`. */
const PART = `(?!(?:${[...reserved].join('|')})(?:/|$)|\\$)[^/]+`;

/** The value of Allow for a path; '' where there is nothing at it. */
export function allowance(routes: readonly Route[]): (path: string) => string {
  const patterns = routes.map(({ method, path }): Pattern => {
    return {
      method,
      fits: new RegExp(`^${path.replace(/[$*]/g, '\\$&').replace(/:[a-z]+/g, PART)}$`),
    };
  });
  return (path) => {
    const methods = patterns
      .filter(({ fits, method }) => fits.test(path) && isTaken(path, method))
      .map(({ method }) => method);
    return methods.length === 0 ? '' : allowOf(methods);
  };
}

/** AuditEvents are added and read, never changed. */
const JOURNAL = new RegExp(`^/fhir/${AUDIT_EVENT}(?:/|$)`);
const isTaken = (path: string, method: string): boolean =>
  !JOURNAL.test(path) || method === 'GET' || method === 'POST';

/**
 * What no route takes: a method that the path does not know (405), OPTIONS, or a path that does not
 * exist (404).
 */
export function stray(service: Service, exchange: Exchange): Response {
  const path = pathOf(exchange.incoming.url);
  const allow = service.allow(path);
  const operation = /\/(\$[^/]*)/.exec(path)?.[1];
  if (allow === '' && operation !== undefined) throw unknownOperation(operation);
  if (allow === '') {
    const hint = 'FHIR lies below /fhir: see /fhir/metadata.';
    throw new FhirError('not-found', `There is nothing at this path. ${hint}`);
  }
  if (exchange.incoming.method === 'OPTIONS') return answerEmpty(exchange, 204, { Allow: allow });
  throw wrongMethod(service, exchange);
}

function allowOf(methods: readonly string[]): string {
  const all = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...new Set([...all, 'OPTIONS'])].join(', ');
}
