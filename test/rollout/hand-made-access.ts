import type { FlagDefinition } from "../../lib/feature-flags/core/definition.ts";
import { OnceLog } from "../../lib/feature-flags/core/once-log.ts";
import { readPath } from "../../lib/feature-flags/core/paths.ts";
import type { HeldRollout, RolloutAccess } from "../../lib/feature-flags/core/rollout-access.ts";
import { parseRollout } from "../../lib/feature-flags/core/rollout-parse.ts";
import { selectRollout } from "../../lib/feature-flags/core/rollout-selection.ts";
import {
  type FlagEvaluation,
  FlagSource,
  type FlagStorage,
  type TenantContext,
} from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { type ManualClock, manualClock } from "../../lib/testing/index.ts";
import { type PlanFlags, planFlags } from "../feature-flags/plan-flags.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";

export interface HandMadeAccess extends RolloutAccess<PlanFlags> {
  readonly storage: FlagStorage;
  readonly clock: ManualClock;
  readonly lines: ReturnType<typeof recordedLog>["lines"];
  /** What every call to storage goes through: replace it to make storage fail. */
  gate: () => void | Promise<void>;
  /** Evaluates as with `exposure: true`. */
  expose(context: TenantContext): Promise<void>;
}

export interface HandMadeOptions {
  readonly storage?: FlagStorage | undefined;
  readonly clock?: ManualClock | undefined;
  readonly instanceId?: string | undefined;
  readonly random?: (() => number) | undefined;
  readonly audit?: "required" | "best-effort" | undefined;
}

/** What the flag manager gives, made by hand over a storage. It hears of others' changes by `refresh` only. */
export function handMadeAccess(options: HandMadeOptions = {}): HandMadeAccess {
  const { storage = memoryStorage(), clock = manualClock(), instanceId = "instance-1" } = options;
  const { random = () => 0.5, audit = "best-effort" } = options;
  const definition: FlagDefinition<PlanFlags> = planFlags();
  const environment = "production";
  const log = recordedLog();
  const exposureListeners = new Set<(context: TenantContext, organizationId: string | undefined) => void>();
  const changeListeners = new Set<() => void>();
  let held: readonly HeldRollout[] = [];
  let ids = 0;

  async function refresh(): Promise<void> {
    await access.gate();
    const { rollouts } = await storage.listRollouts();
    held = rollouts.flatMap(({ rollout: stored, version, revision }) => {
      const rollout = parseRollout(stored);
      return typeof rollout === "string" ? [] : [Object.freeze({ ...rollout, version, revision })];
    });
    for (const listener of changeListeners) listener();
  }

  /** With the true source of every path, and the environment's values: the rest is the evaluator's to test. */
  async function evaluate(context: TenantContext): Promise<FlagEvaluation<PlanFlags>> {
    const { customer, organization, organizationId, revision } = await storage.readTenant(context);
    const serving = held.filter((rollout) => selectRollout(rollout, { ...context, organizationId }).enabled);
    return {
      config: definition.environment(environment).config,
      ...{ source: FlagSource.DEFAULT, evaluatedAt: clock.now(), version: undefined, revision },
      ...{ stale: false, error: undefined, violations: [], mismatches: [] },
      sourceOf(path) {
        const { segments } = definition.leaf(path);
        const isSet = (flags: unknown) => readPath(flags, segments) !== undefined;
        if (isSet(customer?.flags)) return FlagSource.CUSTOMER_OVERRIDE;
        if (isSet(organization?.flags)) return FlagSource.ORGANIZATION_OVERRIDE;
        return serving.some((rollout) => rollout.path === path) ? FlagSource.ROLLOUT : FlagSource.DEFAULT;
      },
    };
  }

  const access: HandMadeAccess = {
    ...{ definition, environment, clock, random, instanceId, audit, storage, lines: log.lines },
    log: new OnceLog(log, clock),
    newId: () => {
      ids += 1;
      return `${instanceId}-${ids}`;
    },
    gate: () => {},
    active: () => held,
    get: (featureName) => held.find((rollout) => rollout.featureName === featureName),
    unfit: () => [],
    refresh,
    async write(write) {
      await access.gate();
      const written = await storage.writeRollout(write);
      await refresh();
      return written;
    },
    async read(operation) {
      await access.gate();
      return await operation(storage);
    },
    async record(operation) {
      await access.gate();
      return await operation(storage);
    },
    evaluate,
    onExposure(listener) {
      exposureListeners.add(listener);
      return () => void exposureListeners.delete(listener);
    },
    onChange(listener) {
      changeListeners.add(listener);
      return () => void changeListeners.delete(listener);
    },
    async expose(context) {
      const { organizationId } = await storage.readTenant(context);
      for (const listener of exposureListeners) listener(context, organizationId);
    },
  };
  return access;
}
