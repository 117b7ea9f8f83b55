export { createAdminKey, type NewAdminKey, type NewAdminKeyOptions } from "./admin-key.ts";
export type { AdminDefinition, AdminEvaluation, AdminManager } from "./admin-manager.ts";
export type { AdminKeys } from "./authentication.ts";
export { ERROR_STATUS, type ErrorStatus } from "./error-status.ts";
export {
  ADMIN_FLAGS_PATH,
  type Connection,
  createFlagServer,
  DEFAULT_LIMITS,
  type FlagServer,
  type FlagServerOptions,
  type ServerLimits,
} from "./flag-server.ts";
