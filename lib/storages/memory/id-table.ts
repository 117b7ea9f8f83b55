/** Rows by id, which can be walked in the order of their ids. */
export interface IdTable<Row> {
  readonly size: number;
  get(id: string): Row | undefined;
  set(id: string, row: Row): void;
  /** Every row whose id comes after `id`, in order; all of them without one. */
  after(id: string | undefined): Generator<readonly [id: string, row: Row]>;
}

/**
 * Ids are ordered by code point, as a database with a binary collation orders them. Rows are replaced and never
 * removed, so the ordered list is good for as long as no id was added.
 */
export function createIdTable<Row>(): IdTable<Row> {
  const rows = new Map<string, Row>();
  let ordered: readonly string[] = [];

  function orderedIds(): readonly string[] {
    if (ordered.length !== rows.size) ordered = [...rows.keys()].sort(compareCodePoints);
    return ordered;
  }

  return Object.freeze({
    get size(): number {
      return rows.size;
    },
    get: (id: string): Row | undefined => rows.get(id),
    set: (id: string, row: Row): void => {
      rows.set(id, row);
    },
    *after(id: string | undefined): Generator<readonly [string, Row]> {
      const ids = orderedIds();
      for (let place = id === undefined ? 0 : firstAfter(ids, id); place < ids.length; place += 1) {
        const found = ids[place];
        const row = found === undefined ? undefined : rows.get(found);
        if (found !== undefined && row !== undefined) yield [found, row];
      }
    },
  });
}

function firstAfter(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareCodePoints(ids[middle] ?? "", id) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// `<` compares UTF-16 units, which puts an emoji before U+FF21; databases compare code points.
export function compareCodePoints(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let place = 0; place < shorter; place += 1) {
    const difference = rank(left.charCodeAt(place)) - rank(right.charCodeAt(place));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
