import { type RawBuilder, sql } from "kysely";
import type { SqlDialectWords } from "./engine.ts";

/** A column as text. Numbers too large for a double and damaged JSON come through whole, for `rows.ts` to judge. */
export function asText(column: string): RawBuilder<string | null> {
  return sql<string | null>`cast(${sql.ref(column)} as text)`;
}

/** The columns of an override, from the table that the query calls `table`. */
export function overrideColumns(table: string, words: SqlDialectWords) {
  return [
    asText(`${table}.flags`).as("flags"),
    asText(`${table}.version`).as("version"),
    asText(`${table}.revision`).as("revision"),
    words.milliseconds(`${table}.updated_at`).as("updated_at"),
    asText(`${table}.updated_by`).as("updated_by"),
  ] as const;
}

/** The columns of an audit row, from the table that the query calls `table`. */
export function changeColumns(table: string, words: SqlDialectWords) {
  return [
    asText(`${table}.revision`).as("revision"),
    asText(`${table}.position`).as("position"),
    asText(`${table}.change_id`).as("change_id"),
    asText(`${table}.customer_id`).as("customer_id"),
    asText(`${table}.organization_id`).as("organization_id"),
    asText(`${table}.flag_path`).as("flag_path"),
    asText(`${table}.old_value`).as("old_value"),
    asText(`${table}.new_value`).as("new_value"),
    asText(`${table}.old_override`).as("old_override"),
    asText(`${table}.new_override`).as("new_override"),
    asText(`${table}.changed_by`).as("changed_by"),
    asText(`${table}.on_behalf_of`).as("on_behalf_of"),
    words.milliseconds(`${table}.changed_at`).as("changed_at"),
    asText(`${table}.reason`).as("reason"),
    asText(`${table}.feature_name`).as("feature_name"),
    asText(`${table}.evidence`).as("evidence"),
  ] as const;
}

/** The named members of each object in a JSON array, as a table of text. */
export function textTable<const Column extends string>(
  words: SqlDialectWords,
  columns: readonly Column[],
  rows: readonly { readonly [name in Column]: string | number | null }[],
) {
  const members = columns.map((column) => sql`value ->> ${sql.lit(column)} as ${sql.id(column)}`);
  return sql<{
    [name in Column]: string | null;
  }>`(select ${sql.join(members)} from ${words.jsonElements(JSON.stringify(rows))})`;
}

/** The right side of `in` for any number of strings, as one parameter. */
export function listOf(words: SqlDialectWords, strings: readonly string[]): RawBuilder<string> {
  const rows = strings.map((id) => ({ id }));
  return sql<string>`(select w.id from ${textTable(words, ["id"], rows)} as w)`;
}
