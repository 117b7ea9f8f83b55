/** Lets one in at a time, in the order they came. */
export interface WriteQueue {
  enter(): Promise<void>;
  leave(): void;
}

export function createWriteQueue(): WriteQueue {
  const waiting: (() => void)[] = [];
  let taken = false;
  return Object.freeze({
    async enter(): Promise<void> {
      if (!taken) {
        taken = true;
        return;
      }
      await new Promise<void>((admit) => waiting.push(admit));
    },
    leave(): void {
      const next = waiting.shift();
      if (next === undefined) taken = false;
      // A transaction never gives the event loop a turn by itself: between two of them it has one.
      else setImmediate(next);
    },
  });
}
