import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { FlagError } from "../../feature-flags/core/errors.ts";
import { asSqliteError, isNotOpened, OPENING } from "./errors.ts";

/** Files that SQLite makes beside its own for as long as that is open. */
const FILES_BESIDE = 2;

/** Why a file could not be opened or made, as an error that names it and says what to do. */
export async function asOpeningError(error: unknown, file: string): Promise<FlagError> {
  const reason = isNotOpened(error) ? await whyNoFileBeside(file) : undefined;
  return asSqliteError(reason ?? error, file, OPENING);
}

/** SQLite says that it could not open a file beside its own, and not why: the file system is asked itself. */
async function whyNoFileBeside(file: string): Promise<unknown> {
  const made: string[] = [];
  try {
    for (let count = 0; count < FILES_BESIDE; count += 1) {
      const probe = `${file}-${randomUUID()}.tmp`;
      const handle = await open(probe, "wx", 0o600);
      made.push(probe);
      await handle.close();
    }
    return undefined;
  } catch (reason) {
    return reason;
  } finally {
    for (const probe of made) await rm(probe, { force: true });
  }
}
