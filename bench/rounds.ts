/** Something to time: `run` performs `operations` of it and returns a checksum, so that nothing is optimised away. */
export interface Contender {
  readonly name: string;
  readonly operations: number;
  readonly run: () => number | Promise<number>;
}

export interface Timing {
  readonly name: string;
  /** Median over the rounds, in nanoseconds per operation. */
  readonly nanoseconds: number;
  /** Bytes allocated per operation, as the heap saw it; the median of the rounds. */
  readonly bytes: number;
}

/** Times contenders in turn, round after round, so that a noisy moment hits all of them alike. */
export async function timeInRounds(contenders: readonly Contender[], rounds: number): Promise<Timing[]> {
  const times = contenders.map((): number[] => []);
  const bytes = contenders.map((): number[] => []);
  for (const contender of contenders) await warm(contender);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      globalThis.gc?.();
      const heap = process.memoryUsage().heapUsed;
      const start = process.hrtime.bigint();
      await contender.run();
      const took = Number(process.hrtime.bigint() - start);
      times[index]?.push(took / contender.operations);
      bytes[index]?.push((process.memoryUsage().heapUsed - heap) / contender.operations);
    }
  }
  return contenders.map(({ name }, index) => ({
    name,
    nanoseconds: median(times[index] ?? []),
    bytes: Math.max(0, median(bytes[index] ?? [])),
  }));
}

async function warm(contender: Contender): Promise<void> {
  for (let pass = 0; pass < 3; pass += 1) await contender.run();
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
