import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Order, Reply, WorkerOrders, WorkerTask } from "./orders.ts";

/** A process of its own that holds a manager (or several) and does as it is told. */
export interface Worker {
  readonly pid: number | undefined;
  /** Rejects if the order fails there, or the process ends before it is carried out. */
  order<K extends keyof WorkerOrders>(
    name: K,
    asked: WorkerOrders[K]["asked"],
  ): Promise<WorkerOrders[K]["answer"]>;
  /** Sends SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Waits for the end: the exit code, or the signal that brought it. */
  end(): Promise<number | NodeJS.Signals>;
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
// What one process has compiled, the next one need not: half the time of a start.
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/strata-processes", import.meta.url));
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Resolves once the process takes orders. */
export async function startWorker(task: WorkerTask): Promise<Worker> {
  const child = fork(WORKER, [JSON.stringify(task)], {
    execArgv: ["--conditions=strata-source"],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  running.add(child);
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let orders = 0;
  let ended: number | NodeJS.Signals | undefined;

  child.on("message", (message) => {
    const { number, answer, error }: Reply = JSON.parse(String(message));
    const order = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) order?.resolve(answer);
    else order?.reject(new Error(`In process ${child.pid}: ${error}`));
  });
  const gone = once(child, "exit").then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    running.delete(child);
    ended = signal ?? code ?? -1;
    for (const { reject } of waiting.values()) reject(new Error(`Process ${child.pid} ended with ${ended}.`));
    waiting.clear();
    return ended;
  });
  const answerTo = <T>(number: number, parse: (answer: unknown) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) reject(new Error(`Process ${child.pid} ended with ${ended}.`));
      else waiting.set(number, { resolve: (answer) => resolve(parse(answer)), reject });
    });

  await answerTo(0, () => undefined);
  return Object.freeze({
    pid: child.pid,
    order<K extends keyof WorkerOrders>(name: K, asked: WorkerOrders[K]["asked"]) {
      orders += 1;
      const order: Order<K> = { number: orders, name, asked };
      const answer = answerTo(orders, (value) => value as WorkerOrders[K]["answer"]);
      child.send(JSON.stringify(order));
      return answer;
    },
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    end: () => gone,
  } satisfies Worker);
}

/** Several at a time. */
export interface Fleet {
  readonly workers: readonly Worker[];
  /** The same order for each. */
  all<K extends keyof WorkerOrders>(
    name: K,
    asked: WorkerOrders[K]["asked"],
  ): Promise<WorkerOrders[K]["answer"][]>;
  kill(): Promise<void>;
}

export async function startFleet(size: number, task: WorkerTask): Promise<Fleet> {
  const starting = Array.from({ length: size }, (_, index) =>
    startWorker({ ...task, seed: task.seed + index }),
  );
  const workers = await Promise.all(starting);
  return Object.freeze({
    workers,
    all: (name, asked) => Promise.all(workers.map((worker) => worker.order(name, asked))),
    async kill() {
      await Promise.all(workers.map((worker) => worker.kill()));
    },
  } satisfies Fleet);
}
