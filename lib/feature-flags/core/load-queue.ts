/** Runs at most so many operations at a time; the others wait in the order they came. */
export class LoadQueue {
  readonly #atOnce: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = Math.max(1, atOnce);
  }

  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await operation();
    } finally {
      // The place passes straight to the next in line, so that nobody who comes later takes it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
