import { FhirError, kinds } from '../fhir/error.ts';
import type { Route } from './app.ts';
import type { Exchange } from './request.ts';
import { answerEmpty, answerFailure } from './respond.ts';
import type { Service } from './service.ts';

interface Pattern {
  method: string;
  fits: RegExp;
}

/**
 * What no route takes: a method that the path does not know (405), OPTIONS, or a path that does not
 * exist (404).
 */
export function stray(routes: readonly Route[]) {
  const patterns = routes.map(({ method, path }): Pattern => {
    const fits = new RegExp(`^${path.replace(/:[a-z]+/g, '[^/]+')}$`);
    return { method, fits };
  });
  return (service: Service, exchange: Exchange): Response => {
    const path = pathOf(exchange.incoming.url ?? '');
    const methods = patterns.filter(({ fits }) => fits.test(path)).map(({ method }) => method);
    if (methods.length === 0) {
      const hint = 'FHIR lies below /fhir: see /fhir/metadata.';
      throw new FhirError('not-found', `There is nothing at this path. ${hint}`);
    }
    const allow = allowOf(methods);
    if (exchange.incoming.method === 'OPTIONS') {
      return answerEmpty(exchange, 204, { Allow: allow });
    }
    const { status, issue: code } = kinds['method-not-allowed'];
    const diagnostics = `This path does not take this method. It takes ${allow}.`;
    const issues = [{ severity: 'error', code, diagnostics } as const];
    return answerFailure(service, exchange, { status, issues, allow });
  };
}

function allowOf(methods: readonly string[]): string {
  const all = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...new Set([...all, 'OPTIONS'])].join(', ');
}

function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
