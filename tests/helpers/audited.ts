import { expect } from 'vitest';
import type { AuditRow } from '../../server/audit/audit.ts';
import type { Secured } from './secured.ts';

/** What a test makes the journal hold, and the secrets that it must not hold. */
export interface Audited {
  /** Notes a secret, and gives it back. */
  secret(text: unknown): string;
  /** From here on `events` begin. */
  mark(): Promise<void>;
  events(): Promise<AuditRow[]>;
  /** Fails if a secret stands in any column of the journal. */
  expectNoSecret(): Promise<void>;
}

const TABLES = ['audit', 'audit_agent'];

export function audited({ store, service }: Secured): Audited {
  const secrets = new Set<string>();
  let seen = 0;
  const rows = async (): Promise<AuditRow[]> => {
    await store.audit?.flush();
    return (await store.audit?.scan({ descending: false, limit: 10_000 })) ?? [];
  };
  return {
    secret: (text) => {
      if (typeof text === 'string' && text !== '') secrets.add(text);
      return String(text ?? '');
    },
    mark: async () => {
      seen = (await rows()).length;
    },
    events: async () => (await rows()).slice(seen),
    expectNoSecret: async () => {
      await rows();
      for (const table of TABLES) {
        const all = await service.db.tuples<[string]>({
          text: `select one::text from ${table} one`,
        });
        const whole = all.map(([row]) => row).join('\n');
        for (const one of secrets) expect(whole.includes(one), `${one} in ${table}`).toBe(false);
      }
      expect(secrets.size).toBeGreaterThan(5);
    },
  };
}

/** Kind, outcome and text of each. */
export const said = (all: readonly AuditRow[]): string[] =>
  all.map(({ kind, outcome, detail }) => `${kind} ${outcome} ${detail?.text ?? ''}`.trim());

export const pairsOf = (row: AuditRow | undefined): Record<string, string> =>
  Object.fromEntries(row?.detail?.pairs ?? []);

export const only = (all: readonly AuditRow[], ...kinds: AuditRow['kind'][]): AuditRow[] =>
  all.filter(({ kind }) => kinds.includes(kind));
