import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { OutageFigures } from "./outage.ts";
import type { PropagationFigures } from "./propagation.ts";
import type { Quantiles } from "./propagation-probe.ts";
import type { RolloutEvaluationFigures } from "./rollouts-evaluation.ts";
import type { EventFigures } from "./rollouts-events.ts";
import type { RollbackFigures } from "./rollouts-rollback.ts";
import type { Timing } from "./rounds.ts";

const execute = promisify(execFile);

/** Runs one measurement in a process of its own, so that none meets another's warm or polluted code. */
async function measure<T>(script: string, ...parameters: string[]): Promise<T> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const flags = ["--conditions=strata-source", "--expose-gc", "--max-old-space-size=8192"];
  const { stdout } = await execute(process.execPath, [...flags, file, ...parameters], { maxBuffer: 1e7 });
  return JSON.parse(stdout);
}

function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

const n = (value: number, digits = 0): string =>
  value.toLocaleString("en", { maximumFractionDigits: digits });

function row(name: string, timing: Timing | undefined, bare: Timing | undefined, goal: string): void {
  if (timing === undefined || bare === undefined) throw new Error(`${name} was not measured`);
  const ratio = timing.nanoseconds / bare.nanoseconds;
  print(
    `| ${name} | ${n(timing.nanoseconds)} ns | ${n(bare.nanoseconds)} ns | ${n(ratio, 2)} | ${goal} | ${n(timing.bytes)} B |`,
  );
}

print(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown processor"}`);
print();
print(
  "| evaluation, 100,000 cached tenants in random order | takes | bare, same run | ratio | goal | allocates |",
);
print("|---|---|---|---|---|---|");
const shapes: [name: string, ...parameters: string[]][] = [
  ["14 leaves, 1 in 10 overridden", "10", "2", "7"],
  ["14 leaves, all overridden", "1", "2", "7"],
  ["1,000 leaves, 1 in 10 overridden", "10", "50", "20"],
];
for (const [name, ...parameters] of shapes) {
  const [map, peek, asyncMap, getFlags] = await measure<Timing[]>("evaluation.ts", ...parameters);
  row(`\`peek\`: ${name}`, peek, map, "≤ 2");
  row(`\`await getFlags\`: ${name}`, getFlags, asyncMap, "≤ 1.5");
}

const merging = await measure<{ timings: Timing[]; sharedBranches: number; branches: number }>("merging.ts");
print();
print("| merging into 1,000 leaves in 50 branches | takes | allocates |");
print("|---|---|---|");
for (const { name, nanoseconds, bytes } of merging.timings)
  print(`| ${name} | ${n(nanoseconds)} ns | ${n(bytes)} B |`);
print(
  `${merging.sharedBranches} of ${merging.branches} branches are shared with the defaults in the first merge.`,
);

const memory = await measure<{ tenants: number; bytesPerTenant: Record<string, number> }>("memory.ts");
print();
print("| cached tenants without override | heap per tenant | 100,000 of them | goal |");
print("|---|---|---|---|");
for (const [name, bytes] of Object.entries(memory.bytesPerTenant)) {
  print(`| ${name} | ${n(bytes)} B | ${n((bytes * 100_000) / 1e6, 1)} MB | < 300 B, < 30 MB |`);
}

const preload = await measure<{ rows: number; milliseconds: number; bytes: number }>("preloading.ts");
print();
print(
  `Preload of ${n(preload.rows)} override rows from SQLite: ${n(preload.milliseconds)} ms, ${n(preload.bytes / 1e6)} MB of heap.`,
);

const q = ({ p50, p99, max }: Quantiles): string => `${n(p50, 1)} | ${n(p99, 1)} | ${n(max, 1)}`;

const propagation = await measure<PropagationFigures>("propagation.ts");
const { visible, bare } = propagation;
print();
print(
  `| eight processes on PostgreSQL, ${n(propagation.changes)} changes | p50 ms | p99 ms | max ms | goal of p99 |`,
);
print("|---|---|---|---|---|");
print(
  `| commit until every process answers it (${propagation.mode}) | ${q(visible)} | < 25 ms, ≤ 3 × ${n(bare.p99, 1)} ms |`,
);
print(`| bare NOTIFY until it arrives, same run | ${q(bare)} | |`);
print(`The p99 of the first is ${n(visible.p99 / bare.p99, 2)} times that of the second.`);
print();
print("| changes per second wanted | made | all eight had the last one after |");
print("|---|---|---|");
for (const { wanted, made, lag } of propagation.rates) print(`| ${n(wanted)} | ${n(made)} | ${n(lag)} ms |`);

const outage = await measure<OutageFigures[]>("outage.ts");
const databases = { pass: "healthy", hang: "hanging", gone: "gone" };
print();
print(
  "| evaluation, circuit open where there is no answer | p50 µs | p99 µs | max µs | p99 to healthy | goal |",
);
print("|---|---|---|---|---|---|");
for (const kind of ["cached", "expired"] as const) {
  const healthy = outage[0]?.[kind].p99 ?? Number.NaN;
  for (const { fault, [kind]: figures } of outage) {
    const goal = fault === "pass" ? "" : "≤ 2";
    print(
      `| ${kind}, database ${databases[fault]} | ${q(figures)} | ${n(figures.p99 / healthy, 2)} | ${goal} |`,
    );
  }
}

for (const count of ["10000", "100000"]) {
  const { tenants, peek, getFlags, first, bytesPerTenant } = await measure<RolloutEvaluationFigures>(
    "rollouts-evaluation.ts",
    count,
  );
  print();
  print(
    `| 50 active rollouts, ${n(tenants)} cached tenants in random order | takes | without rollouts, same run | ratio | goal | allocates |`,
  );
  print("|---|---|---|---|---|---|");
  const own = "without: one override each";
  const shared = "without: all share one answer";
  row(`\`peek\`; ${own}`, peek[2], peek[1], "≤ 1.3");
  row(`\`peek\`; ${shared}`, peek[2], peek[0], "≤ 1.3");
  row(`\`await getFlags\`; ${own}`, getFlags[2], getFlags[1], "≤ 1.3");
  row(`\`await getFlags\`; ${shared}`, getFlags[2], getFlags[0], "≤ 1.3");
  row(`first answer, read from memory; ${own}`, first[2], first[1], "");
  row(`first answer, read from memory; ${shared}`, first[2], first[0], "");
  const [bytesShared, bytesOwn, bytesRolledOut] = bytesPerTenant.map((bytes) => n(bytes));
  print(
    `Heap per cached tenant: ${bytesRolledOut} B with rollouts, ${bytesOwn} B with one override each, ${bytesShared} B with none.`,
  );
}

print();
print(
  "| rollout events, 20,000 a second for 10 s into one process | recorded a second | dropped | written | most waiting | heap before, halfway, after | longest 100 calls | longest stall of the event loop |",
);
print("|---|---|---|---|---|---|---|---|");
for (const database of ["sqlite", "postgres"]) {
  const events = await measure<EventFigures>("rollouts-events.ts", database);
  const heap = events.heap.map((bytes) => n(bytes / 1e6, 1)).join(", ");
  print(
    `| ${database} (goal: all of them, no heap growing) | ${n(events.recorded / events.seconds)} | ${n(events.dropped)} | ${n(events.stored)} of ${n(events.recorded)} | ${n(events.mostWaiting)} | ${heap} MB | ${n(events.longestBatch, 1)} ms | ${n(events.longestStall, 1)} ms |`,
  );
}

const rollback = await measure<RollbackFigures>("rollouts-rollback.ts");
print();
print(
  `| ${n(rollback.rollbacks)} rollbacks in ${n(rollback.rounds)} rounds of errors at once, eight processes on PostgreSQL | p50 ms | p99 ms | max ms | goal |`,
);
print("|---|---|---|---|---|");
print(
  `| commit of the rollback until the last process answers the old value | ${q(rollback.off)} | one feed latency |`,
);
print(
  `| commit of its start, by hand, until the last process answers the new value, same run | ${q(rollback.on)} | |`,
);
print(`The p50 of the first is ${n(rollback.off.p50 / rollback.on.p50, 2)} times that of the second.`);
