// A process that gives up root, if it has it, and then works on a file that it may only read:
// node unprivileged-process.ts <file>
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";

const [file = ""] = process.argv.slice(2);
if (process.getuid?.() === 0) process.seteuid?.("nobody");
const storage = await sqliteStorage({ file });
const override = await storage.getCustomerOverride("c");
const refusal = await storage.saveCustomerFlags("c", { a: 2 }).then(
  () => ({ code: "written" }),
  (error: { code: string }) => error,
);
await storage.close();
process.stdout.write(JSON.stringify({ flags: override?.flags, code: refusal.code }));
