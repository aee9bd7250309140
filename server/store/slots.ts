import { randomUUID } from 'node:crypto';
import { type Db, loadSql } from '../db/db.ts';
import type { VersionClock } from './clock.ts';

const LEASE_SECONDS = 60;
const RENEW_MS = 15_000;
/** The process stops writing this long before the database would give its slot away. */
const MARGIN_MS = 10_000;

const take = loadSql(import.meta.url, 'slot-take.sql');
const keep = loadSql(import.meta.url, 'slot-keep.sql');
const free = loadSql(import.meta.url, 'slot-free.sql');

export interface Slot {
  /** What the row of the slot names this process by, whichever slot it holds. */
  owner: string;
  stop(): Promise<void>;
}

/**
 * Holds a process number for the clock and renews it; when a lease was lost (database away for a
 * minute) another number is taken. Throws when all 256 are in use.
 */
export async function leaseSlot(db: Db, clock: VersionClock): Promise<Slot> {
  const owner = randomUUID();
  let slot = await acquire();

  async function acquire(): Promise<number> {
    const asked = Date.now();
    const [row] = await db.tuples(take, [owner, LEASE_SECONDS]);
    if (!row) throw new Error('256 server processes already use this database.');
    clock.lease(Number(row[0]), asked + LEASE_SECONDS * 1000 - MARGIN_MS);
    return Number(row[0]);
  }

  async function renew(): Promise<void> {
    const asked = Date.now();
    const rows = await db.tuples(keep, [slot, owner, LEASE_SECONDS]);
    if (rows.length > 0) clock.lease(slot, asked + LEASE_SECONDS * 1000 - MARGIN_MS);
    else slot = await acquire();
  }

  // A failed renewal is tried again with the next one; the clock refuses writes if it lasts.
  const timer = setInterval(() => renew().catch(() => undefined), RENEW_MS);
  timer.unref();
  return {
    owner,
    async stop() {
      clearInterval(timer);
      await db.tuples(free, [slot, owner]).catch(() => undefined);
    },
  };
}
