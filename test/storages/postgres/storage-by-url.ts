// A process of its own: node storage-by-url.ts <url> <schema>. After `close` nothing may keep it alive.
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";

// Fires only where something else keeps the process alive: an idle pool does so for ten seconds.
setTimeout(() => process.exit(3), 8_000).unref();
const [url = "", schema = ""] = process.argv.slice(2);
try {
  const storage = await postgresStorage({ url, schema });
  const { version } = await storage.saveCustomerFlags("c", { a: 1 });
  const asked = storage.listOverrides({ limit: 10 });
  await storage.close();
  const { overrides } = await asked;
  const code = await storage.readState().catch((error: { code: string }) => error.code);
  process.stdout.write(JSON.stringify({ version, overrides: overrides.length, code }));
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  process.stdout.write(JSON.stringify({ code, message }));
}
