import type { Expression, Kysely, OperationNodeSource, RawBuilder, Transaction } from "kysely";
import type { FlagError } from "../../feature-flags/core/errors.ts";
import type { FeedEvent, OverrideWrite } from "../../feature-flags/core/storage.ts";
import type { Tables } from "./tables.ts";

export type Database = Kysely<Tables>;
export type WriteTransaction = Transaction<Tables>;

/** Statements that carry the revision being made, given the expression that stands for it. */
export type RevisionSteps = (revision: RawBuilder<number>) => readonly OperationNodeSource[];

/** Whom a change is about. */
export type EventSubject = Pick<FeedEvent, "scope" | "id">;

export type TenantLock = Pick<OverrideWrite, "tenant" | "organizationId">;

/** How an engine spells what the two spell differently. */
export interface SqlDialectWords {
  /** JSON text as the engine's JSON column takes it; NULL stays NULL. */
  json(text: string | null | Expression<string | null>): RawBuilder<string>;
  /** Milliseconds since the Unix epoch as the engine's time column takes them. */
  time(milliseconds: number): RawBuilder<number>;
  /** A time column as milliseconds, in text. */
  milliseconds(column: string): RawBuilder<string | null>;
  /** A JSON array as a table whose column `value` holds its elements. */
  jsonElements(json: string): RawBuilder<unknown>;
}

/** All in which SQLite and PostgreSQL differ. The storage itself is written once, over this. */
export interface SqlEngine {
  readonly kind: "sqlite" | "postgres";
  /** What error messages call the database. */
  readonly name: string;
  /** This machine, in the list of instances. */
  readonly host: string;
  readonly words: SqlDialectWords;
  /** Single reads. Never waits for a write of this process. */
  readonly reads: Database;
  /** A copy that may lag behind, for `readTenant` alone. */
  readonly replica: Database | undefined;
  /** Runs one writing statement that stands for itself. */
  statement(make: (db: Database) => { execute(): Promise<unknown> }): Promise<void>;
  transaction<T>(work: (trx: WriteTransaction) => Promise<T>): Promise<T>;
  /**
   * Makes this transaction the only one to write the tenant, and for a customer keeps writes of its organization
   * out. Resolves with whether that holds for the organization the customer turns out to have.
   */
  lockTenant(
    trx: WriteTransaction,
    write: TenantLock,
  ): Promise<(organizationId: string | undefined) => boolean>;
  /** Makes this transaction the only one to do the named work. */
  lockWork(trx: WriteTransaction, name: string): Promise<void>;
  /**
   * Advances the revision, which every other writer then waits for, and runs the steps that carry it. `about` is the
   * revision's one event, where it has just one: notices of the commit can say it.
   */
  advance(trx: WriteTransaction, steps: RevisionSteps, about?: EventSubject): Promise<number>;
  /** Whether the statement itself was refused, not the whole database: then another one may still succeed. */
  isRefusal(error: unknown): boolean;
  asFlagError(error: unknown, doing: string): FlagError;
  /** Called after each commit that advanced the revision. */
  committed(): void;
  readonly subscribe: ((listener: () => void) => () => void) | undefined;
  /** Whether notices arrive at present; undefined where there is no doubt. */
  readonly feedMode?: () => "listen" | "poll";
  close(): Promise<void>;
}
