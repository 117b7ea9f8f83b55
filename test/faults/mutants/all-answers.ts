import {
  FeatureFlagManager,
  type FlagEvaluation,
  type FlagStorage,
  type TenantContext,
} from "../../../lib/feature-flags/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import type { MutantFlags, MutantVariant } from "./mutant-flags.ts";
import { contextOf, type Population, tenantKey } from "./population.ts";

export type MutantEvaluation = FlagEvaluation<MutantFlags>;
/** The answer for each tenant, by its key; an error where there was none. */
export type Answers = ReadonlyMap<string, MutantEvaluation | Error>;

export function mutantManager(
  { definition }: MutantVariant,
  storage: FlagStorage,
  preload = false,
): FeatureFlagManager<MutantFlags> {
  return new FeatureFlagManager<MutantFlags>({
    definition,
    storage,
    preload,
    environment: "production",
    // Nothing here waits for time: what changes is asked for anew each time.
    clock: manualClock(),
  });
}

/** Every tenant's answer, read from storage now. */
export async function readAnswers(
  manager: FeatureFlagManager<MutantFlags>,
  { tenants }: Population,
): Promise<Answers> {
  const asked = tenants.map(async (tenant): Promise<[string, MutantEvaluation | Error]> => {
    try {
      return [tenantKey(tenant), await manager.getFlags(contextOf(tenant), { fresh: true })];
    } catch (error) {
      return [tenantKey(tenant), asError(error)];
    }
  });
  return new Map(await Promise.all(asked));
}

/** Every tenant's answer from a manager that has just loaded everything into memory. */
export async function preloadedAnswers(
  variant: MutantVariant,
  storage: FlagStorage,
  { tenants }: Population,
): Promise<Answers> {
  const manager = mutantManager(variant, storage, true);
  try {
    await manager.ready();
    return new Map(tenants.map((tenant) => [tenantKey(tenant), peeked(manager, contextOf(tenant))]));
  } catch (error) {
    const failed = asError(error);
    return new Map(tenants.map((tenant) => [tenantKey(tenant), failed]));
  } finally {
    await manager.close();
  }
}

function peeked(manager: FeatureFlagManager<MutantFlags>, context: TenantContext): MutantEvaluation | Error {
  try {
    return manager.peek(context) ?? new Error("peek has no answer");
  } catch (error) {
    return asError(error);
  }
}

/** What must not differ by a byte. */
export function bytesOf(answer: MutantEvaluation | Error | undefined): string {
  if (answer === undefined || answer instanceof Error) return String(answer);
  const { config, source, version, error } = answer;
  return JSON.stringify({ config, source, version, error: error === undefined ? undefined : String(error) });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
