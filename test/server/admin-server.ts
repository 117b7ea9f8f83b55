import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import type { Log } from "../../lib/feature-flags/core/types.ts";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { ADMIN_FLAGS_PATH, createFlagServer, type ServerLimits } from "../../lib/server/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";

export const KEY = "a-key-for-these-tests";
export const AUTHORIZED = { authorization: `Bearer ${KEY}` };

export interface LoggedLine {
  readonly level: "info" | "warn" | "error";
  readonly facts: object;
  readonly message: string;
}

function recordingLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at = (level: LoggedLine["level"]) => (facts: object, message: string) =>
    void lines.push({ level, facts, message });
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}

export interface AdminServerOptions {
  readonly storage?: FlagStorage;
  readonly environment?: string;
  readonly audit?: "required" | "best-effort";
  readonly limits?: Partial<ServerLimits>;
}

/** A server over the chat widget's flags, and short ways to ask it things. */
export function adminServer(options: AdminServerOptions = {}) {
  const { storage = memoryStorage(), environment = "production", audit = "best-effort", limits } = options;
  const log = recordingLog();
  const manager = new FeatureFlagManager({ storage, environment, audit, log });
  const keys = { find: (id: string) => storage.findAdminKey(id), configured: KEY };
  const rollouts = new PilotRolloutManager({ flags: manager, checkEvery: 0 });
  const limited = limits === undefined ? {} : { limits };
  const server = createFlagServer({ manager, keys, rollouts, log, ...limited });

  async function send(path: string, init: RequestInit = {}) {
    const response = await server.fetch(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === "" ? undefined : JSON.parse(text),
    };
  }
  const post = (path: string, body: unknown) =>
    send(path, {
      method: "POST",
      headers: { ...AUTHORIZED, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const read = (query = "") => send(`${ADMIN_FLAGS_PATH}${query}`, { headers: AUTHORIZED });
  const change = (body: unknown) => post(ADMIN_FLAGS_PATH, body);
  const get = (path: string) => send(path, { headers: AUTHORIZED });
  return { server, manager, rollouts, storage, log, send, read, change, post, get };
}
