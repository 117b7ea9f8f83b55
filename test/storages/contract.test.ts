import { memoryHarness } from "./harnesses/memory.ts";
import { postgresHarness } from "./harnesses/postgres.ts";
import { runContract } from "./harnesses/run-contract.ts";
import { sqliteHarness } from "./harnesses/sqlite.ts";

runContract(memoryHarness());
runContract(sqliteHarness());
runContract(postgresHarness());
