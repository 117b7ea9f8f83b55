import type { ColumnTypes } from "../sql/migrations/column-types.ts";

const REFUSE = "select raise(abort, 'feature_flag_changes is append-only')";

export const SQLITE_COLUMN_TYPES: ColumnTypes = Object.freeze({
  text: "text",
  json: "text",
  time: "integer",
  counter: "integer",
  tableEnd: " strict",
  orderedTableEnd: " strict, without rowid",
  altersChecks: false,
  // A UUID of version 4.
  randomId: `(select substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3)
      || '-' || substr(h, 21) from (select lower(hex(randomblob(16))) as h))`,
  appendOnly: Object.freeze([
    `create trigger feature_flag_changes_no_update before update on feature_flag_changes begin ${REFUSE}; end`,
    `create trigger feature_flag_changes_no_delete before delete on feature_flag_changes begin ${REFUSE}; end`,
    // REPLACE deletes without asking the delete trigger.
    `create trigger feature_flag_changes_no_replace before insert on feature_flag_changes
      when exists (select 1 from feature_flag_changes where revision = new.revision and position = new.position)
      begin ${REFUSE}; end`,
  ]),
});
