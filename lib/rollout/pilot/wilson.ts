/** Where a rate lies with 95 % confidence. */
export interface RateInterval {
  /** 0 to 1. */
  readonly low: number;
  readonly high: number;
}

/** The 97.5th percentile of the normal distribution: 95 % lie within it on both sides. */
const Z = 1.959963984540054;

/**
 * The 95 % Wilson interval of `hits` out of `total`: sound for few events and for rates near 0 and 1, where the
 * usual interval is not. Without events nothing is known: 0 to 1.
 */
export function wilsonInterval(hits: number, total: number): RateInterval {
  if (!(total > 0) || !(hits >= 0) || !(hits <= total) || total === Number.POSITIVE_INFINITY) {
    return Object.freeze({ low: 0, high: 1 });
  }
  const rate = hits / total;
  const share = (Z * Z) / total;
  const middle = (rate + share / 2) / (1 + share);
  const half = (Z * Math.sqrt((rate * (1 - rate)) / total + share / (4 * total))) / (1 + share);
  // At the ends rounding would leave a rate outside its own interval.
  const low = hits === 0 ? 0 : Math.max(0, middle - half);
  const high = hits === total ? 1 : Math.min(1, middle + half);
  return Object.freeze({ low, high });
}
