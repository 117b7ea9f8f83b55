import { initial } from "../../lib/storages/sql/migrations/0001-initial.ts";
import { MIGRATION_NAMES } from "../../lib/storages/sql/migrations/index.ts";
import { SQLITE_COLUMN_TYPES } from "../../lib/storages/sqlite/column-types.ts";

type Engine = "sqlite" | "postgres";

/** What takes each migration after the first back. A new migration needs an entry here. */
const TAKEN_BACK: Readonly<Record<string, (engine: Engine) => readonly string[]>> = {
  "0002-instances": () => ["drop table flag_instances"],
  "0003-rollouts": (engine) => [
    ...["feature_rollouts", "rollout_events", "rollout_counts", "flag_leases"].map(
      (it) => `drop table ${it}`,
    ),
    "drop index feature_flag_changes_feature",
    "alter table flag_state drop column rollouts",
    "alter table flag_state drop column rollout_events_since",
    ...(engine === "postgres" ? CHECKS_TAKEN_BACK : tablesTakenBack()),
  ],
};

const CHANGE_TABLES = ["feature_flag_changes", "pending_flag_changes"];

const CHECKS_TAKEN_BACK = [
  ...CHANGE_TABLES.map(
    (
      table,
    ) => `alter table ${table} drop constraint ${table}_check, drop column feature_name, drop column evidence,
      add constraint ${table}_check check ((customer_id is null) <> (organization_id is null))`,
  ),
  `alter table flag_revisions drop constraint flag_revisions_scope_check,
    add constraint flag_revisions_scope_check check (scope in ('customer', 'organization', 'everything'))`,
];

/** SQLite's tables were made anew: they are made once more, as the first migration made them. */
function tablesTakenBack(): readonly string[] {
  const made = initial(SQLITE_COLUMN_TYPES);
  return [...CHANGE_TABLES, "flag_revisions"].flatMap((table) => [
    `create table later_${table} as select * from ${table}`,
    `drop table ${table}`,
    ...made.filter((statement) =>
      new RegExp(`^create (table|index|trigger).*\\b${table}\\b`, "s").test(statement),
    ),
    `insert into ${table} select ${table === "flag_revisions" ? "*" : CHANGE_COLUMNS} from later_${table}`,
    `drop table later_${table}`,
  ]);
}

const CHANGE_COLUMNS = `revision, position, change_id, customer_id, organization_id, flag_path, old_value, new_value,
  old_override, new_override, changed_by, on_behalf_of, changed_at, reason`;

/** Statements that make of today's schema the one that `migration` left behind. */
export function takenBackTo(migration: string, engine: Engine): string {
  const later = MIGRATION_NAMES.slice(MIGRATION_NAMES.indexOf(migration) + 1).toReversed();
  const statements = later.flatMap((name) => {
    const back = TAKEN_BACK[name];
    if (back === undefined) throw new Error(`Say in ${import.meta.url} how to take ${name} back.`);
    return [...back(engine), `delete from strata_migrations where name = '${name}'`];
  });
  return statements.join(";\n");
}
