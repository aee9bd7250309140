import type { Exchange } from './request.ts';
import type { Service } from './service.ts';

const html = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** GET /: what this is, for somebody who opened the address in a browser. */
export function welcome(service: Service, exchange: Exchange): Response {
  const base = html(service.config.base());
  const body = [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Kiln</title>',
    `<h1>Kiln ${html(service.config.version)}</h1>`,
    `<p>A FHIR R4 server. The FHIR base URL is <code>${base}</code>.</p>`,
    '<p><a href="/fhir/metadata">What it can do</a> (CapabilityStatement), ',
    '<a href="/health/ready">whether it is ready</a>, <a href="/metrics">metrics</a>.</p></html>',
  ].join('\n');
  return page(exchange, 200, body, 'text/html; charset=utf-8');
}

/** GET /health/live: the process answers. */
export function live(_service: Service, exchange: Exchange): Response {
  return page(exchange, 200, '{"status":"live"}');
}

/** GET /health/ready: requests can be served; 503 while the database is away or at the stop. */
export function ready(service: Service, exchange: Exchange): Response {
  return service.isReady() && !service.isStopping()
    ? page(exchange, 200, '{"status":"ready"}')
    : page(exchange, 503, '{"status":"not ready"}');
}

/** GET /metrics, in the text format of Prometheus. */
export async function metricsPage(service: Service, exchange: Exchange): Promise<Response> {
  const text = await service.metrics.metricsText();
  return page(exchange, 200, text, service.metrics.contentType);
}

function page(
  exchange: Exchange,
  status: number,
  body: string,
  contentType = 'application/json; charset=utf-8',
): Response {
  const headers: Record<string, string> = {
    'Content-Type': contentType,
    'X-Request-Id': exchange.id,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  };
  if (status === 503) headers['Retry-After'] = '1';
  return new Response(body, { status, headers });
}
