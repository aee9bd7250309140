import { it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer } from '../helpers/server.ts';
it('big', async () => {
  const server = await startServer();
  await ask(server.base, 'Patient/p1', { method: 'PUT', body: { resourceType: 'Patient', id: 'p1', name: [{ family: 'a' }] } as never });
  const many = (n: number, f: (i: number) => string) => Array.from({ length: n }, (_, i) => f(i)).join(',');
  const bodies: [string, string, string][] = [
    ['Patient', 'strings 40k', `family=${many(40000, (i) => `a${i}`)}`],
    ['Patient', 'dates 40k', `birthdate=${many(40000, (i) => `ge${1000 + (i % 1000)}`)}`],
    ['Patient', 'tokens 200k', `identifier=${many(200000, (i) => `a${i}`)}`],
    ['Patient', 'ids 200k', `_id=${many(200000, (i) => `a${i}`)}`],
    ['RiskAssessment', 'numbers 30k', `probability=${many(30000, (i) => `${i}`)}`],
    ['Observation', 'composites 20k', `code-value-quantity=${many(20000, (i) => `${i}$${i}`)}`],
    ['Patient', 'and 5k', Array.from({ length: 5000 }, (_, i) => `given=a${i}`).join('&')],
    ['Patient', 'and 20k', Array.from({ length: 20000 }, (_, i) => `identifier=a${i}`).join('&')],
    ['Patient', 'sorts', `_sort=${many(2000, (i) => (i % 2 ? '' : '-') + 'family')}`],
    ['Patient', 'includes 3k', Array.from({ length: 3000 }, () => `_include=Patient:organization`).join('&')],
    ['Patient', 'revincludes 3k', Array.from({ length: 3000 }, () => `_revinclude=Observation:subject`).join('&')],
    ['Patient', 'long string', `family=${'x'.repeat(1_000_000)}`],
    ['Patient', 'long token', `identifier=${'x'.repeat(1_000_000)}`],
    ['Patient', 'ids all types', `_id=${many(20000, (i) => `a${i}`)}`],
  ];
  for (const [type, name, body] of bodies) {
    const t = performance.now();
    const url = name === 'ids all types' ? '_search' : `${type}/_search`;
    const r = await ask(server.base, url, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    console.log(name, r.status, Math.round(performance.now() - t), 'ms', r.text.slice(0, 150));
  }
  console.log(server.lines.filter((l) => l.includes('"level":50')).map((l) => l.slice(0, 600)).join('\n'));
  const alive = await ask(server.base, 'Patient/p1');
  console.log(alive.status);
  await server.stop();
}, 300000);
