const MINUTE_MS = 60_000;

/** A day (`2026-11-23`) as the hospital's clock has it; `zone` in minutes east of UTC. */
export const dayOf = (at: number, zone: number): string => local(at, zone).slice(0, 10);

/** A day and time of day (`2026-11-23 14:05`) likewise. */
export const minuteOf = (at: number, zone: number): string =>
  local(at, zone).slice(0, 16).replace('T', ' ');

const local = (at: number, zone: number): string => new Date(at + zone * MINUTE_MS).toISOString();
