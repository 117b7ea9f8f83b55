import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";

/**
 * Reads the rollouts once before they are relied on, and sees to it that the change feed keeps them current from
 * then on: it begins with the first evaluation, and a process may only steer. A failure rejects, and the next call
 * tries again.
 */
export function createLoading<C extends object>(access: RolloutAccess<C>): () => Promise<void> {
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    const { error } = await access.evaluate({});
    if (error !== undefined) throw error;
    await access.refresh();
  }

  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
