// A process of its own that works on one file: node writing-process.ts <file> <customer> <writes>
// It prints the version of each write once that is acknowledged, and must end by itself after `close`.
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";

const [file = "", customer = "", writes = "0"] = process.argv.slice(2);
const storage = await sqliteStorage({ file });
for (let n = 0; n < Number(writes); n += 1) {
  const { version } = await storage.saveCustomerFlags(customer, { mark: `${process.pid} ${n}` });
  process.stdout.write(`${version}\n`);
}
await storage.close();
