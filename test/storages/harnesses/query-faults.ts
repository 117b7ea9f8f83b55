/** Counts the queries that a storage tells of, and makes one of them fail. */
export interface QueryFaults {
  onQuery(sql: string): void;
  queries(): number;
  failOnQuery(n: number | undefined): void;
}

export function queryFaults(): QueryFaults {
  let count = 0;
  let failAt: number | undefined;
  return {
    onQuery(sql) {
      count += 1;
      if (count !== failAt) return;
      failAt = undefined;
      throw new Error(`The database fails here: ${sql.slice(0, 60)}`);
    },
    queries: () => count,
    failOnQuery(n) {
      failAt = n === undefined ? undefined : count + n;
    },
  };
}
