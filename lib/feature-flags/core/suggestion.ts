import { FlagError } from "./errors.ts";

/** UNKNOWN_PATH with the nearest path there is, where one is near enough to be meant. */
export function unknownPath(asked: string, known: Iterable<string>): FlagError {
  // Callers without types ask with anything.
  const path = String(asked);
  const paths = [...known];
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  const below = paths.find((candidate) => candidate.startsWith(`${path}.`));
  const meant = below ?? nearest(path, paths);
  const message =
    below === undefined
      ? `There is no flag "${shown}". ${meant === undefined ? "Look the path up in the definition." : `Did you mean "${meant}"?`}`
      : `"${shown}" has flags below it. Name one, such as "${below}".`;
  const details = meant === undefined ? undefined : { suggestion: meant };
  return new FlagError("UNKNOWN_PATH", message, { path: shown, details });
}

/** The known path with the fewest edits; where only the branch is wrong, the one that ends alike. */
function nearest(path: string, known: Iterable<string>): string | undefined {
  if (path.length > 200) return undefined;
  const wanted = path.toLowerCase();
  const end = wanted.slice(wanted.lastIndexOf(".") + 1);
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(path.length / 4)) + 1;
  for (const candidate of known) {
    const name = candidate.toLowerCase();
    const alike = end !== "" && name.slice(name.lastIndexOf(".") + 1) === end;
    // One that ends alike is nearer than any other; among those, too, the nearest is meant.
    const edits = alike ? distance(wanted, name, 200) / 1_000 : distance(wanted, name, fewest);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Levenshtein distance, given up on (as `limit`) once it cannot stay below `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      const [left = 0, up = 0, corner = 0] = [current[column - 1], previous[column], previous[column - 1]];
      current.push(Math.min(left + 1, up + 1, corner + same));
    }
    if (Math.min(...current) >= limit) return limit;
    previous = current;
  }
  return Math.min(limit, previous[b.length] ?? limit);
}
