// A process of its own: node storage-by-url.ts <url> <schema>. It must end by itself after `close`.
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";

const [url = "", schema = ""] = process.argv.slice(2);
try {
  const storage = await postgresStorage({ url, schema });
  const { version } = await storage.saveCustomerFlags("c", { a: 1 });
  await storage.close();
  const code = await storage.readState().catch((error: { code: string }) => error.code);
  process.stdout.write(JSON.stringify({ version, code }));
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  process.stdout.write(JSON.stringify({ code, message }));
}
