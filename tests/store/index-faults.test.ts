import { describe, expect, it } from 'vitest';
import { createLog } from '../../server/log.ts';
import { createMetrics } from '../../server/metrics.ts';
import { faultReporter } from '../../server/store/index-faults.ts';

type Line = Record<string, unknown>;

function reporter() {
  const lines: Line[] = [];
  const log = createLog('info', (line) => lines.push(JSON.parse(line)));
  const metrics = createMetrics();
  let time = 1000;
  const report = faultReporter({ log, metrics }, () => time);
  const counted = async (): Promise<string[]> =>
    (await metrics.metricsText())
      .split('\n')
      .filter((line) => line.startsWith('kiln_search_index_faults_total{'));
  const wait = (ms: number): void => {
    time += ms;
  };
  return { lines, report, counted, wait };
}

describe('faultReporter()', () => {
  it('counts every fault by type and parameter', async () => {
    const { report, counted } = reporter();
    for (let i = 0; i < 3; i++) report('Patient', 'alias');
    report('Encounter', 'ward');
    expect(await counted()).toEqual([
      'kiln_search_index_faults_total{type="Patient",param="alias"} 3',
      'kiln_search_index_faults_total{type="Encounter",param="ward"} 1',
    ]);
  });

  it('writes a line for the first fault of each parameter', () => {
    const { report, lines } = reporter();
    for (let i = 0; i < 3; i++) report('Patient', 'alias');
    report('Encounter', 'ward');
    expect(lines).toMatchObject([
      { level: 'warn', type: 'Patient', param: 'alias', count: 1 },
      { level: 'warn', type: 'Encounter', param: 'ward', count: 1 },
    ]);
  });

  it('says once a minute how many there were since', () => {
    const { report, lines, wait } = reporter();
    for (let i = 0; i < 5; i++) report('Patient', 'alias');
    wait(60_000);
    report('Patient', 'alias');
    report('Patient', 'alias');
    expect(lines.map(({ count }) => count)).toEqual([1, 5]);
  });

  it('keeps no account of parameters without end', async () => {
    const { report, lines, counted } = reporter();
    for (let i = 0; i < 3000; i++) report('Patient', `p${i}`);
    expect(lines).toHaveLength(1000);
    expect(await counted()).toContain(
      'kiln_search_index_faults_total{type="other",param="other"} 2800',
    );
  });
});
