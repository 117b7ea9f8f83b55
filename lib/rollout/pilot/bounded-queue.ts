/** First in, first out, of so many at most: what comes when it is full takes the place of the oldest. */
export interface BoundedQueue<T> {
  readonly size: number;
  /** How many have left since the start: the number of the oldest that is left. */
  readonly first: number;
  /** False where the oldest had to go. */
  push(item: T): boolean;
  /** The oldest, at most `count`. */
  peek(count: number): T[];
  /** Takes out those numbered below `number` that are still in. */
  removeBelow(number: number): void;
}

export function createBoundedQueue<T>(capacity: number): BoundedQueue<T> {
  // A ring: the item numbered n is at n modulo capacity.
  const slots: (T | undefined)[] = [];
  let first = 0;
  let next = 0;

  function removeBelow(number: number): void {
    for (; first < Math.min(number, next); first += 1) slots[first % capacity] = undefined;
  }

  return Object.freeze({
    get size() {
      return next - first;
    },
    get first() {
      return first;
    },
    push(item: T): boolean {
      const hasRoom = next - first < capacity;
      if (!hasRoom) removeBelow(first + 1);
      slots[next % capacity] = item;
      next += 1;
      return hasRoom;
    },
    peek(count: number): T[] {
      const taken: T[] = [];
      for (let number = first; number < Math.min(next, first + count); number += 1) {
        const item = slots[number % capacity];
        if (item !== undefined) taken.push(item);
      }
      return taken;
    },
    removeBelow,
  });
}
