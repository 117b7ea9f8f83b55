import { FlagError } from "../../feature-flags/core/errors.ts";

/**
 * A deeply frozen copy of `value` as JSON keeps it, which is what a database would give back: `undefined`
 * members are gone, -0 is 0. Because nobody can change it, the one copy is both stored and handed out.
 * Rejects with INVALID_PATCH what JSON cannot say: cycles, bigints, a depth that overflows the stack.
 */
export function frozenJson<T>(value: T): T {
  const copy: T = JSON.parse(jsonText(value));
  freezeDeep(copy);
  return copy;
}

function jsonText(value: unknown): string {
  try {
    const text = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (error) {
    throw new FlagError("INVALID_PATCH", "This cannot be stored: JSON has no form for it.", { cause: error });
  }
  throw new FlagError("INVALID_PATCH", "This cannot be stored: JSON has no form for it.");
}

// A list instead of recursion: JSON.parse takes a depth that a recursive walk cannot.
function freezeDeep(root: unknown): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    Object.freeze(value);
    for (const member of Object.values(value)) waiting.push(member);
  }
}
