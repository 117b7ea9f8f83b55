import { postgresHarness } from "./harnesses/postgres.ts";
import { runContract } from "./harnesses/run-contract.ts";

// What the contract says of faults once more, each fault a connection that the server really ends.
runContract(postgresHarness({ name: "postgres whose connections are cut", cut: true }), (one) =>
  one.needs.includes("failOnQuery"),
);
