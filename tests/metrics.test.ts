import { describe, expect, it } from 'vitest';
import { createMetrics } from '../server/metrics.ts';

async function samples(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  const text = await metrics.metricsText();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('createMetrics()', () => {
  it('counts requests by method, route and status class', async () => {
    const metrics = createMetrics();
    metrics.observeRequest('GET', '/fhir/:type/:id', 200, 2);
    metrics.observeRequest('GET', '/fhir/:type/:id', 304, 2);
    metrics.observeRequest('GET', '/fhir/:type/:id', 200, 2);
    const lines = await samples(metrics);
    expect(lines).toContain(
      'http_requests_total{method="GET",route="/fhir/:type/:id",status="2xx"} 2',
    );
    expect(lines).toContain(
      'http_requests_total{method="GET",route="/fhir/:type/:id",status="3xx"} 1',
    );
  });

  it('sorts durations into buckets of seconds', async () => {
    const metrics = createMetrics();
    metrics.observeRequest('POST', '/fhir', 201, 40);
    const at = async (le: string) =>
      (await samples(metrics)).find((line) => line.includes(`_bucket{le="${le}"`))?.split(' ')[1];
    expect(await at('0.025')).toBe('0');
    expect(await at('0.05')).toBe('1');
  });

  it('shows the audit journal as it is at each scrape', async () => {
    const metrics = createMetrics();
    const journal = { written: 5, lost: 1, waiting: 2, oldest: 1500 };
    metrics.watchJournal(() => journal);
    expect(await samples(metrics)).toContain('kiln_audit_events_written_total 5');
    journal.written = 7;
    const lines = await samples(metrics);
    expect(lines).toContain('kiln_audit_events_written_total 7');
    expect(lines).toContain('kiln_audit_events_lost_total 1');
    expect(lines).toContain('kiln_audit_events_waiting 2');
    expect(lines).toContain('kiln_audit_oldest_seconds 1.5');
  });

  it('gives the same totals at every scrape', async () => {
    const metrics = createMetrics();
    metrics.observeRequest('GET', '/fhir', 200, 1);
    await metrics.metricsText();
    const total = (await samples(metrics)).find((line) => line.startsWith('http_requests_total'));
    expect(total).toMatch(/ 1$/);
  });

  it('counts as other what would open series without end', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 3000; i++) {
      metrics.observeRequest('GET', `/r${i}`, 200, 1);
    }
    const totals = (await samples(metrics)).filter((line) => line.startsWith('http_requests_tot'));
    expect(totals.length).toBeLessThan(2010);
    expect(totals).toContain('http_requests_total{method="other",route="other",status="2xx"} 1000');
  });

  it('asks a pool at the scrape', async () => {
    const metrics = createMetrics();
    let waiting = 0;
    metrics.watchPool('fast', () => ({ total: 4, idle: 1, waiting }));
    waiting = 7;
    expect(await samples(metrics)).toContain(
      'kiln_db_pool_connections{pool="fast",state="waiting"} 7',
    );
  });

  it('has process metrics', async () => {
    const lines = await samples(createMetrics());
    expect(lines.some((line) => line.startsWith('process_resident_memory_bytes'))).toBe(true);
  });
});
