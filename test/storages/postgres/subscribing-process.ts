// A process of its own: node subscribing-process.ts url|pool <url> <schema>. It subscribes, closes nothing, and must
// end by itself once it was told.
import pg from "pg";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";

setTimeout(() => process.exit(3), 8_000).unref();
const [how, url = "", schema = ""] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, allowExitOnIdle: true });
const storage = await postgresStorage({ pool, schema, ...(how === "url" ? { listen: { url } } : {}) });
const staying = setInterval(() => undefined, 1_000);
await new Promise<void>((told) => storage.subscribe?.(() => told()));
clearInterval(staying);
process.stdout.write("told\n");
