import type { ColumnTypes } from "./column-types.ts";

/**
 * Where each process says how far it has got. Without an index on `seen_at`: the table is short, and PostgreSQL
 * renews a row in its place only while no indexed column changes.
 */
export function instances({ text, time, counter, tableEnd }: ColumnTypes): readonly string[] {
  return [
    `create table flag_instances (
      id ${text} not null primary key,
      host ${text},
      pid ${counter},
      version ${text} not null,
      epoch ${text} not null,
      revision ${counter} not null,
      seen_at ${time} not null
    )${tableEnd}`,
  ];
}
