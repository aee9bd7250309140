/** "Did you mean": the nearest of a list of names. Only runs for messages. */

const MAX_LENGTH = 64;

/** Levenshtein distance, one row at a time; both texts are short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const over = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(Math.min(over, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The name most like `text`, letter case aside; undefined where none is near (a third of it wrong). */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const folded = text.toLowerCase();
  let best: string | undefined;
  let least = Math.floor(text.length / 3) + 1;
  for (const name of names) {
    if (Math.abs(name.length - text.length) >= least) continue;
    const far = distance(folded, name.toLowerCase());
    if (far < least) [best, least] = [name, far];
  }
  return best;
}

/** `; did you mean "x"?` or `; remove it`. */
export function hint(text: string, names: Iterable<string>): string {
  const name = nearest(text, names);
  return name === undefined ? '; remove it' : `; did you mean "${name}"?`;
}
