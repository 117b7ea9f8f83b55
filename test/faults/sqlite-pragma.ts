import { DatabaseSync } from "node:sqlite";

/**
 * From now on every connection of this process that runs `pragma` runs `others` as well, right after it. Returns
 * what ends that. For what the storage rightly has no option for: a promise less, a limit more.
 */
export function withPragma(pragma: string, ...others: readonly string[]): () => void {
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    if (sql !== pragma) return prepare.call(this, sql);
    prepare.call(this, sql).all();
    const all = others.map((other) => prepare.call(this, other));
    const last = all.pop();
    for (const statement of all) statement.all();
    return last ?? prepare.call(this, sql);
  };
  return () => {
    DatabaseSync.prototype.prepare = prepare;
  };
}
