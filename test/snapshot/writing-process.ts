import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { killBeforeCall } from "./killed-before-call.ts";
import { sampleSnapshot } from "./sample-snapshot.ts";

/** What a writing process is told to do. It says each revision that it is told has been written. */
export interface SnapshotTask {
  readonly path: string;
  readonly epoch: string;
  /** The first revision it writes; each further one is one higher. */
  readonly from: number;
  /** How many it writes. Without it, it writes until it is killed. */
  readonly count?: number;
  /** The sizes it writes in turn. */
  readonly customers: readonly number[];
  /** Before which call to the file system it kills itself, counted from 1. */
  readonly killAt?: number;
}

const { path, epoch, from, count, customers, killAt }: SnapshotTask = JSON.parse(process.argv[2] ?? "");
const calls = killBeforeCall(killAt);
const store = fileSnapshot(path);
process.stdout.write("begun\n");
for (let revision = from; count === undefined || revision < from + count; revision += 1) {
  const size = customers[revision % customers.length] ?? 0;
  await store.write(sampleSnapshot(revision, { epoch, customers: size }));
  process.stdout.write(`${revision}\n`);
}
process.stdout.write(`complete after ${calls()} calls\n`);
