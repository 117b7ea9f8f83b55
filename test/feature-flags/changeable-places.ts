/** The paths of everything within `value` that a holder could change: none, where it is frozen all the way down. */
export function changeablePlaces(value: unknown, path = "value", seen = new Set<unknown>()): string[] {
  if (typeof value !== "object" || value === null || value instanceof Error || seen.has(value)) return [];
  seen.add(value);
  const below = Reflect.ownKeys(value).flatMap((key) =>
    changeablePlaces(Reflect.get(value, key), `${path}.${String(key)}`, seen),
  );
  return Object.isFrozen(value) ? below : [path, ...below];
}
