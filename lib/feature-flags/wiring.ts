import { type ChatWidgetFeatureFlags, chatWidgetFlags } from "../chat-widget/default-config.ts";
import { AuditRetry } from "./core/audit-retry.ts";
import { FlagCache } from "./core/cache.ts";
import { silentLog, systemClock } from "./core/clock.ts";
import { StorageConnection } from "./core/connection.ts";
import type { FlagDefinition } from "./core/definition.ts";
import { environmentName } from "./core/environment.ts";
import type { FlagError } from "./core/errors.ts";
import { FlagEvaluator } from "./core/evaluator.ts";
import { Emitter, type ManagerEvents } from "./core/events.ts";
import { LastGood } from "./core/last-good.ts";
import { OnceLog } from "./core/once-log.ts";
import { openProcessSnapshot, openProcessStorage } from "./core/process-defaults.ts";
import { Propagation } from "./core/propagation.ts";
import { Receipts } from "./core/receipts.ts";
import { createRolloutAccess, type RolloutAccess } from "./core/rollout-access.ts";
import { Rollouts } from "./core/rollouts.ts";
import type { FlagEvaluation, TenantContext } from "./core/types.ts";
import { Watches } from "./core/watches.ts";
import { FlagWriter } from "./core/writer.ts";
import type { FeatureFlagManagerOptions } from "./manager-options.ts";

/** All that a manager is made of, each part handed the others it needs. */
export interface ManagerParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly connection: StorageConnection;
  readonly cache: FlagCache<FlagEvaluation<C>>;
  readonly evaluator: FlagEvaluator<C>;
  readonly writer: FlagWriter<C>;
  readonly propagation: Propagation<FlagEvaluation<C>>;
  readonly auditRetry: AuditRetry;
  readonly receipts: Receipts;
  readonly watches: Watches<C>;
  readonly events: Emitter<ManagerEvents>;
  readonly lastGood: LastGood | undefined;
  readonly rollouts: Rollouts<C>;
  readonly rolloutAccess: RolloutAccess<C>;
}

export function wireManager<C extends object = ChatWidgetFeatureFlags>(
  options: FeatureFlagManagerOptions<C>,
): ManagerParts<C> {
  const { clock = systemClock, random = Math.random, newId = () => crypto.randomUUID() } = options;
  const { audit = "best-effort", pollEvery = 1_000, preload = false } = options;
  const { readBudget, initTimeout, loadsAtOnce, snapshot, snapshotEvery = 30_000, observe } = options;
  const definition = options.definition ?? (chatWidgetFlags as FlagDefinition<object> as FlagDefinition<C>);
  const environment = options.environment ?? environmentName();
  const log = new OnceLog(options.log ?? silentLog, clock);
  const report = (cause: unknown): void => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.error(`listener:${error.message}`, { error }, "A listener threw. The others were told all the same.");
  };
  const events = new Emitter<ManagerEvents>(report);
  const onError = (error: FlagError) => events.emit("error", { error });
  const connection = new StorageConnection(
    options.storage === undefined ? openProcessStorage : options.storage,
    {
      ...{ clock, random, readBudget, initTimeout, loadsAtOnce },
      onLost: (error) => {
        const facts = { code: error.code, error };
        log.always("error", facts, `Storage is lost, answers may be stale: ${error.message}`);
        events.emit("stale", { error });
      },
      onRecovered: (milliseconds) => {
        log.always("info", { milliseconds }, "Storage is back.");
        propagation.wake();
        receipts.advanced();
        events.emit("recovered", { milliseconds });
      },
    },
  );
  const cache = new FlagCache<FlagEvaluation<C>>({ ...options.cache, clock, random });
  const rollouts = new Rollouts<C>({
    ...{ definition, connection, log, report },
    endAnswers: (concerns) => propagation.endAnswers(concerns),
    onOwnChange: () => propagation.applyOwnRollout(),
  });
  const propagation: Propagation<FlagEvaluation<C>> = new Propagation({
    ...{ connection, cache, rollouts, clock, random, log, pollEvery, preload, onError },
    onApplied: (applied) => {
      receipts.advanced();
      watches.changed(applied);
    },
  });
  const state = () => propagation.state;
  const lastGood =
    snapshot === undefined
      ? undefined
      : new LastGood({
          open: async () =>
            typeof snapshot === "string"
              ? await openProcessSnapshot(snapshot, options.log ?? silentLog)
              : snapshot,
          ...{
            connection,
            image: propagation.image,
            state,
            rollouts,
            clock,
            log,
            onError,
            every: snapshotEvery,
          },
          catchUp: () => propagation.catchUp(),
          onRestored: (list) => rollouts.restore(list),
        });
  const exposures = new Emitter<{ exposed: { context: TenantContext; organizationId: string | undefined } }>(
    report,
  );
  const evaluator = new FlagEvaluator({
    ...{ definition, environment, connection, cache, clock, log, propagation, rollouts, lastGood, observe },
    onExposure: (context, organizationId) => exposures.emit("exposed", { context, organizationId }),
  });
  const evaluate = (context: Parameters<typeof evaluator.evaluate>[0]) => evaluator.evaluate(context);
  const watches = new Watches<C>({ evaluate, shape: definition.defaults, clock, report });
  const pid = globalThis.process?.pid;
  const instanceId = newId();
  const receipts = new Receipts({ connection, clock, log, id: instanceId, pid, state, onError });
  const writer = new FlagWriter({ definition, environment, connection, rollouts, clock, newId, audit });
  const rolloutAccess = createRolloutAccess({
    ...{
      definition,
      environment,
      clock,
      random,
      newId,
      instanceId,
      log,
      audit,
      connection,
      rollouts,
      evaluate,
    },
    onExposure: (listener) =>
      exposures.on("exposed", ({ context, organizationId }) => listener(context, organizationId)),
  });
  const auditRetry = new AuditRetry(connection, clock, log, onError);
  propagation.begin();
  return {
    ...{ definition, environment, connection, cache, evaluator, writer, propagation },
    ...{ auditRetry, receipts, watches, events, lastGood, rollouts, rolloutAccess },
  };
}
