import { defineFlags, FeatureFlagManager, type FlagDefinition } from "../lib/feature-flags/index.ts";
import { memoryStorage } from "../lib/storages/memory/index.ts";

/** A repeatable random: every run meets the tenants in the same order. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let index = copy.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [copy[index], copy[other]];
    if (a !== undefined && b !== undefined) [copy[index], copy[other]] = [b, a];
  }
  return copy;
}

export type WideConfig = Record<`group${number}`, Record<`flag${number}`, boolean>>;

/** A definition of `groups` times `perGroup` boolean flags, all off. */
export function wideDefinition(groups: number, perGroup: number): FlagDefinition<WideConfig> {
  const defaults: WideConfig = {};
  for (let group = 0; group < groups; group += 1) {
    const flags: Record<`flag${number}`, boolean> = {};
    for (let flag = 0; flag < perGroup; flag += 1) flags[`flag${flag}`] = false;
    defaults[`group${group}`] = flags;
  }
  // Through JSON, so that the objects are laid out as a literal's are.
  const literal: WideConfig = JSON.parse(JSON.stringify(defaults));
  return defineFlags<WideConfig>({ defaults: literal, resolution: "first-match" });
}

/** A manager whose cache holds an answer for each of `tenants` customers; every `each`-th one has an override. */
export async function cachedTenants(
  tenants: number,
  each: number,
  definition: FlagDefinition<WideConfig>,
): Promise<{ manager: FeatureFlagManager<WideConfig>; ids: string[] }> {
  const storage = memoryStorage();
  const manager = new FeatureFlagManager({
    definition,
    storage,
    cache: { maxEntries: tenants, ttl: 86_400_000 },
  });
  const ids = Array.from({ length: tenants }, (_, index) => `cust_${index}`);
  for (const [index, id] of ids.entries()) {
    if (index % each === 0) await storage.saveCustomerFlags(id, { group0: { flag0: true } });
  }
  for (const id of ids) await manager.getFlags({ customerId: id });
  return { manager, ids };
}
