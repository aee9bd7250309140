import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Reason } from '../../server/load/deliver.ts';
import { progressText } from '../../server/load/progress.ts';
import { Report, summaryText } from '../../server/load/report.ts';

const reason = (fields: Partial<Reason> = {}): Reason => ({
  status: 400,
  code: 'value',
  diagnostics: 'gender must be one of male, female, other, unknown.',
  expression: 'Bundle.entry[4].resource.gender',
  shipped: { at: 'entry 4', entry: { resource: { resourceType: 'Patient', id: 'p1' } } },
  ...fields,
});

function reportOf(reasons: Reason[], path?: string): Report {
  const report = new Report(path);
  report.add('a.json', { counts: { created: 1234, refused: reasons.length }, reasons });
  return report;
}

describe('summaryText()', () => {
  it('says how much, how fast and what was done', () => {
    expect(summaryText(reportOf([]), 3, 2)).toBe(
      'Loaded 1,234 resources from 3 files in 2.0 s (617/s): ' +
        '1,234 created, 0 updated, 0 unchanged.\n',
    );
  });

  it.each([
    [
      'file, entry, resource, element, reason and status',
      reason(),
      'a.json, entry 4, Patient/p1: Patient.gender: gender must be one of ' +
        'male, female, other, unknown. (400)',
    ],
    [
      'what stands for the whole file',
      reason({
        shipped: undefined as never,
        expression: '',
        diagnostics: 'Too large.',
        status: 413,
      }),
      'a.json: Too large. (413)',
    ],
    [
      'the type where the id is none of the file',
      reason({
        shipped: {
          at: 'line 7',
          once: 'Patient/x',
          entry: { resource: { resourceType: 'Patient', id: 'x' } },
        },
      }),
      'a.json, line 7, Patient: Patient.gender: gender must be one of ' +
        'male, female, other, unknown. (400)',
    ],
  ])('names %s of a refusal', (_what, given, line) => {
    expect(summaryText(reportOf([given]), 1, 1)).toContain(`Refused 1:\n  ${line}\n`);
  });

  it('stops after 20 refusals and says where the others are', () => {
    const text = summaryText(reportOf(Array.from({ length: 30 }, () => reason())), 1, 1);
    expect(text.match(/a\.json/g)?.length).toBe(20);
    expect(text).toContain('and 10 more reasons: --report FILE');
  });
});

describe('Report', () => {
  it('writes every refusal to its file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kiln-report-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'report.ndjson');
    const report = reportOf(
      Array.from({ length: 30 }, () => reason()),
      path,
    );
    report.unreadable('b.json', 'line 3', 'No JSON.');
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.length).toBe(31);
    expect(JSON.parse(String(lines[0]))).toEqual({
      ...{ file: 'a.json', at: 'entry 4', resource: 'Patient/p1', status: 400, code: 'value' },
      expression: 'Patient.gender',
      diagnostics: 'gender must be one of male, female, other, unknown.',
    });
    expect(JSON.parse(String(lines[30]))).toMatchObject({ file: 'b.json', at: 'line 3' });
  });
});

describe('progressText()', () => {
  it('counts what was refused among what was dealt with', () => {
    const report = reportOf([reason()]);
    expect(progressText(report, { done: 1, total: 2000 }, 5)).toBe(
      '1/2,000 files  1,235 resources  247/s  1 refused',
    );
  });
});
