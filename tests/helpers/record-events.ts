import { setTimeout as sleep } from 'node:timers/promises';
import { LOSS_MS } from '../../server/audit/audit.ts';
import { openJournal, readOf } from './journal.ts';

/** A process that records events without end, and says how many of them are past the loss bound. */
const { audit } = await openJournal(String(process.env.DATABASE_URL));
let count = 0;
for (;;) {
  for (let i = 0; i < 500; i++) audit.record(readOf(`p${count++}`));
  const safe = count;
  setTimeout(() => console.log(safe), LOSS_MS);
  await sleep(20);
}
