import type { Clock } from "../../feature-flags/core/types.ts";

/** Waiting that ends: with an answer, after so many milliseconds, or when `signal` is aborted, with its reason. */
export interface BoundedWait {
  /** The promise's outcome, unless that takes too long. */
  within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T>;
  /** Resolves after so many milliseconds. */
  pause(milliseconds: number): Promise<void>;
}

export function boundedWait(clock: Clock, signal: AbortSignal): BoundedWait {
  /** Lets `begin` settle a promise, once, until the signal does. */
  function settled<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (signal.aborted) {
      reject(signal.reason);
      return promise;
    }
    const abort = () => done(() => reject(signal.reason));
    const end = begin(
      (value) => done(() => resolve(value)),
      (error) => done(() => reject(error)),
    );
    function done(settle: () => void): void {
      signal.removeEventListener("abort", abort);
      end();
      settle();
    }
    signal.addEventListener("abort", abort);
    return promise;
  }

  return Object.freeze<BoundedWait>({
    within: (milliseconds, what, promise) =>
      settled((resolve, reject) => {
        promise.then(resolve, reject);
        return clock.setTimer(
          () => reject(new Error(`${what} took more than ${milliseconds} ms.`)),
          milliseconds,
        );
      }),
    pause: (milliseconds) => settled((resolve) => clock.setTimer(() => resolve(undefined), milliseconds)),
  });
}
