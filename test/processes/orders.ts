import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import type { RolloutOrders, SteeringTask } from "./rollout-orders.ts";

/** What a worker process is started with. */
export interface WorkerTask {
  readonly url: string;
  readonly schema: string;
  /** How many tenants there are: see `fleetTenants`. */
  readonly tenants: number;
  readonly seed: number;
  /** Managers in this process, each with a storage of its own. Default: 1. */
  readonly managers?: number;
  readonly preload?: boolean;
  readonly snapshot?: string;
  readonly ttl?: number;
  /** Default: the manager's. */
  readonly readBudget?: number;
  /** Whether statements are prepared. Default: true. */
  readonly prepare?: boolean;
  /** Connections of each storage's pool. Default: 4. */
  readonly connections?: number;
  /** Steers rollouts, too. Default: no. */
  readonly rollouts?: SteeringTask;
}

/** What a worker can be told to do, with what it answers. */
export interface WorkerOrders extends RolloutOrders {
  /** Every manager asks for every tenant once; with preload, all is in memory then. Again where one fails. */
  warm: { readonly asked: { readonly tries: number }; readonly answer: null };
  /** Makes random changes, one after the other. */
  write: { readonly asked: { readonly count: number }; readonly answer: WriteReport };
  /** Asks for random tenants without pause, and looks whether any answer is older than one before. */
  watch: { readonly asked: { readonly every: number }; readonly answer: null };
  unwatch: { readonly asked: object; readonly answer: WatchReport };
  /** Resolves once all live instances have applied the revision. */
  settle: {
    readonly asked: { readonly revision: number; readonly timeout: number };
    readonly answer: number;
  };
  answers: { readonly asked: { readonly fresh: boolean }; readonly answer: Answers };
  /** What one tenant sees, and how long that took from asking. */
  ask: { readonly asked: TenantRef; readonly answer: AskReport };
  /** Ends what all managers have cached. */
  clear: { readonly asked: object; readonly answer: null };
  health: { readonly asked: object; readonly answer: HealthReport };
  /** Closes the managers; then the process must end by itself. */
  close: { readonly asked: object; readonly answer: null };
}

export interface WriteReport {
  /** The newest revision made; 0 where none was. */
  readonly revision: number;
  /** The code of each error. */
  readonly refused: readonly string[];
}

export interface WatchReport {
  readonly asked: number;
  readonly stale: number;
  /** Answers with an error that are not marked stale: nothing was known of the tenant. */
  readonly unknown: number;
  /** Milliseconds, each answer's. */
  readonly latencies: readonly number[];
  /** Answers that were older than an earlier one for the same tenant, or than a write made here. */
  readonly backwards: readonly string[];
}

/** By tenant, as JSON: what it sees, and which version of the override says so. */
export type Answers = Readonly<Record<string, string>>;

export interface AskReport {
  readonly seats: number;
  readonly stale: boolean;
  readonly error: string | undefined;
  readonly milliseconds: number;
}

export interface HealthReport {
  /** Unhandled rejections and uncaught exceptions. */
  readonly accidents: readonly string[];
  readonly lost: number;
  readonly revision: number | undefined;
  readonly rssMegabytes: number;
}

export interface Order<K extends keyof WorkerOrders = keyof WorkerOrders> {
  readonly number: number;
  readonly name: K;
  readonly asked: WorkerOrders[K]["asked"];
}

export interface Reply {
  readonly number: number;
  readonly answer?: unknown;
  readonly error?: string;
}
