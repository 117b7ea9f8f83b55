/** Settings by name, as `process.env` holds them. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** The process's settings; none in a browser. */
export function processSettings(): Settings {
  return globalThis.process?.env ?? {};
}

/** The environment the settings name: `STRATA_ENV`, else `NODE_ENV`, else production. */
export function environmentName(settings: Settings = processSettings()): string {
  return settings["STRATA_ENV"] || settings["NODE_ENV"] || "production";
}
