import { startPostgresProcess } from "../test/postgres-process.ts";
import { rollBackAtOnce } from "../test/processes/rollback.ts";
import { type Quantiles, quantiles } from "./propagation-probe.ts";

/** How soon a rollback that one of eight processes commits is what all of them answer. */
export interface RollbackFigures {
  /** Milliseconds from the commit of the rollback until the last process answers the old value. */
  readonly off: Quantiles;
  /** The same of an ordinary change, the start that went before: until the last one answers the new value. */
  readonly on: Quantiles;
  readonly rounds: number;
  readonly processes: number;
  /** Audit rows of rollbacks, of all rounds. */
  readonly rollbacks: number;
}

const processes = 8;
const rounds = Number(process.argv[2] ?? 100);

const server = await startPostgresProcess();
try {
  const report = await rollBackAtOnce(
    { url: server.url, schema: "strata" },
    { processes, rounds, errors: 40, seed: 1 },
  );
  const rollbacks = report.changes.filter(({ changedBy }) => changedBy === "automatic rollback").length;
  const off = quantiles(report.rounds.map(({ offAfter }) => offAfter));
  const on = quantiles(report.rounds.map(({ onAfter }) => onAfter));
  const figures: RollbackFigures = { off, on, rounds, processes, rollbacks };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await server.end();
}
