import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";

/**
 * Reads the rollouts once before they are relied on; from then on the change feed keeps them current. A failure
 * rejects, and the next call tries again.
 */
export function createLoading<C extends object>(access: RolloutAccess<C>): () => Promise<void> {
  let loading: Promise<void> | undefined;
  return () => {
    loading ??= access.refresh().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
