import { startPostgresProcess } from "../test/postgres-process.ts";
import { rollBackAtOnce } from "../test/processes/rollback.ts";
import { type Quantiles, quantiles } from "./propagation-probe.ts";

/** How soon a rollback that one of eight processes commits is what all of them answer. */
export interface RollbackFigures {
  /** Milliseconds from the commit until the last process answers the old value. */
  readonly visible: Quantiles;
  readonly rounds: number;
  readonly processes: number;
  /** Audit rows of rollbacks, of all rounds. */
  readonly rollbacks: number;
}

const processes = 8;
const rounds = Number(process.argv[2] ?? 50);

const server = await startPostgresProcess();
try {
  const report = await rollBackAtOnce(
    { url: server.url, schema: "strata" },
    { processes, rounds, errors: 40, seed: 1 },
  );
  const rollbacks = report.changes.filter(({ changedBy }) => changedBy === "automatic rollback").length;
  const visible = quantiles(report.rounds.map(({ milliseconds }) => milliseconds));
  const figures: RollbackFigures = { visible, rounds, processes, rollbacks };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await server.end();
}
