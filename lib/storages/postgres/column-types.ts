import type { ColumnTypes } from "../sql/migrations/column-types.ts";

export const POSTGRES_COLUMN_TYPES: ColumnTypes = Object.freeze({
  text: `text collate "C"`,
  json: "jsonb",
  time: "timestamptz",
  counter: "bigint",
  tableEnd: "",
  orderedTableEnd: "",
  altersChecks: true,
  randomId: "gen_random_uuid()::text",
  appendOnly: Object.freeze([
    `create function feature_flag_changes_refuse() returns trigger language plpgsql
      as $$ begin raise exception 'feature_flag_changes is append-only'; end $$`,
    `create trigger feature_flag_changes_append_only before update or delete on feature_flag_changes
      for each row execute function feature_flag_changes_refuse()`,
    `create trigger feature_flag_changes_no_truncate before truncate on feature_flag_changes
      for each statement execute function feature_flag_changes_refuse()`,
  ]),
});
