import type { FlagStorage } from "../feature-flags/core/storage.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { FeatureFlagManager } from "../feature-flags/index.ts";
import { PilotRolloutManager } from "../rollout/pilot-manager.ts";
import { createFlagServer } from "../server/index.ts";
import type { CliHost } from "./cli-host.ts";
import { makeFirstAdminKey } from "./first-admin-key.ts";
import { type HttpListener, listen } from "./http-listener.ts";
import { jsonLog } from "./json-log.ts";
import { localUrl, requireKeyBeyondLoopback } from "./listening-address.ts";
import { dataLocation, openStorage } from "./open-storage.ts";
import { packageVersion } from "./package-version.ts";
import { serveGreeting } from "./serve-greeting.ts";
import { type ServeOptions, type ServeSettings, serveSettings } from "./serve-settings.ts";

/** Milliseconds that requests under way have to end, and that everything together has. */
const REQUEST_GRACE = 8_000;
const SHUTDOWN_DEADLINE = 10_000;
const TRIAL_FLAG = "experimental.aiEnhancements";

/** `strata serve`: the admin API until the process is told to stop. Resolves with the exit code. */
export async function serve(options: ServeOptions, host: CliHost): Promise<number> {
  const settings = serveSettings(options, host.env);
  requireKeyBeyondLoopback(settings.host, settings.adminKey !== undefined);
  const stop = Promise.withResolvers<string>();
  const forgetStop = host.onStop(stop.resolve);
  const log = jsonLog(host.err, host.clock);
  try {
    const storage = await openStorage(options, host, log);
    const { environment, audit } = settings;
    const manager = new FeatureFlagManager({ storage, environment, audit, log, clock: host.clock });
    const rollouts = new PilotRolloutManager({ flags: manager });
    const closeData = async () => {
      await rollouts.close();
      await manager.close();
      await storage.close();
    };
    const parts = { settings, storage, manager, rollouts, log, host };
    const listener = await startListening(parts).catch(async (error) => {
      await closeData();
      throw error;
    });
    host.out.write(await greeting(options, settings, storage, manager, listener, host));
    const signal = await stop.promise;
    host.err.write(`Stopping on ${signal}: requests under way may end.\n`);
    return await shutDown([() => listener.close(REQUEST_GRACE), closeData], host);
  } finally {
    forgetStop();
  }
}

interface Parts {
  readonly settings: ServeSettings;
  readonly storage: FlagStorage;
  readonly manager: FeatureFlagManager;
  readonly rollouts: PilotRolloutManager;
  readonly log: Log;
  readonly host: CliHost;
}

function startListening({ settings, storage, manager, rollouts, log, host }: Parts): Promise<HttpListener> {
  const server = createFlagServer({
    manager,
    rollouts,
    keys: { find: (id) => storage.findAdminKey(id), configured: settings.adminKey },
    limits: settings.limits,
    clock: host.clock,
    log,
  });
  return listen({ server, host: settings.host, port: settings.port, log });
}

/** The key is made only now that the port is ours: one made before a failed start would never be shown again. */
async function greeting(
  options: ServeOptions,
  settings: ServeSettings,
  storage: FlagStorage,
  manager: FeatureFlagManager,
  listener: HttpListener,
  host: CliHost,
): Promise<string> {
  const { definition, environment } = manager;
  const newKey =
    settings.adminKey === undefined ? await makeFirstAdminKey(storage, host.clock.now()) : undefined;
  return serveGreeting({
    version: await packageVersion(),
    url: localUrl(settings.host, listener.port),
    data: dataLocation(options, host),
    settings: { ...settings, port: listener.port },
    flags: definition.leaves.size,
    newKey,
    trial: {
      path: TRIAL_FLAG,
      enabled: !definition.environment(environment).config.experimental.aiEnhancements,
    },
  });
}

/** Ends everything in order; 1 where that is not done by the deadline. */
async function shutDown(steps: readonly (() => Promise<void>)[], host: CliHost): Promise<number> {
  const deadline = Promise.withResolvers<number>();
  const cancel = host.clock.setTimer(() => deadline.resolve(1), SHUTDOWN_DEADLINE);
  const ended = (async () => {
    for (const step of steps) await step();
    return 0;
  })();
  const code = await Promise.race([ended, deadline.promise]);
  cancel();
  host.err.write(code === 0 ? "Stopped.\n" : "Not everything ended in time; stopping all the same.\n");
  return code;
}
