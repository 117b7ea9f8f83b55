/** What the storage asks of a pool: `pg.Pool` fits as it is. */
export interface PostgresPoolLike {
  readonly options?: {
    /** How many connections it makes at most. A pool of one keeps it for queries. */
    readonly max?: number | undefined;
  };
  connect(): Promise<PostgresClientLike>;
  end(): Promise<void>;
}

export interface PostgresClientLike {
  query(statement: PostgresStatement): Promise<PostgresAnswer>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(event: "notification", listener: (message: PostgresNotice) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** Lets the process end although the connection is open. */
  unref?(): void;
  /** With an error: the connection is of no more use and is closed. */
  release(error?: Error): void;
}

export interface PostgresNotice {
  readonly payload?: string | undefined;
}

export interface PostgresStatement {
  readonly text: string;
  readonly values: unknown[];
  /** Where named, PostgreSQL parses and plans it once for the connection. */
  readonly name?: string;
}

export interface PostgresAnswer {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: unknown[];
}
