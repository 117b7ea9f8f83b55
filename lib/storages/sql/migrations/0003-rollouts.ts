import type { ColumnTypes } from "./column-types.ts";

/** A change is about one tenant; that of a rollout may be about none. */
const ABOUT = `case when feature_name is null then (customer_id is null) <> (organization_id is null)
  else customer_id is null or organization_id is null end`;
const SCOPE = "scope in ('customer', 'organization', 'rollout', 'everything')";
const CHANGE_COLUMNS = `revision, position, change_id, customer_id, organization_id, flag_path, old_value, new_value,
  old_override, new_override, changed_by, on_behalf_of, changed_at, reason`;

/** Rollouts, their events and leases; audit rows and feed events that are about a rollout. */
export function rollouts(types: ColumnTypes): readonly string[] {
  const { text, json, time, counter, tableEnd, orderedTableEnd } = types;
  return [
    `create table feature_rollouts (
      feature_name ${text} not null primary key,
      rollout ${json} not null,
      version ${counter} not null,
      revision ${counter} not null,
      updated_at ${time} not null,
      updated_by ${text}
    )${tableEnd}`,
    // Metadata as plain text: nobody asks for its members, and no character in it may refuse the whole batch.
    `create table rollout_events (
      feature_name ${text} not null,
      occurred_at ${counter} not null,
      customer_id ${text} not null,
      event ${text} not null,
      tier ${counter} not null,
      metadata ${text},
      primary key (feature_name, occurred_at, customer_id, event)
    )${orderedTableEnd}`,
    `create table rollout_counts (
      feature_name ${text} not null,
      minute ${counter} not null,
      tier ${counter} not null,
      event ${text} not null,
      count ${counter} not null,
      primary key (feature_name, minute, tier, event)
    )${orderedTableEnd}`,
    `create table flag_leases (
      name ${text} not null primary key,
      holder ${text} not null,
      until ${counter} not null
    )${tableEnd}`,
    `alter table flag_state add column rollouts ${counter} not null default 0`,
    `alter table flag_state add column rollout_events_since ${counter} not null default 0`,
    ...(types.altersChecks ? altered(types) : copied(types)),
    `create index feature_flag_changes_feature on feature_flag_changes (feature_name, revision, position)
      where feature_name is not null`,
  ];
}

/** "not valid": rows from before hold to stricter checks, and reading them all would keep every writer waiting. */
function altered({ text, json }: ColumnTypes): readonly string[] {
  const changes = ["feature_flag_changes", "pending_flag_changes"].map(
    (table) => `alter table ${table}
      add column feature_name ${text},
      add column evidence ${json},
      drop constraint ${table}_check,
      add constraint ${table}_check check (${ABOUT}) not valid`,
  );
  return [
    ...changes,
    `alter table flag_revisions
      drop constraint flag_revisions_scope_check,
      add constraint flag_revisions_scope_check check (${SCOPE}) not valid`,
  ];
}

/** Dropping a table takes its indexes and triggers with it, and asks no trigger. */
function copied(types: ColumnTypes): readonly string[] {
  const { text, counter, tableEnd, appendOnly } = types;
  return [
    `create table new_feature_flag_changes (${changeTable(types)})${tableEnd}`,
    `insert into new_feature_flag_changes (${CHANGE_COLUMNS}) select ${CHANGE_COLUMNS} from feature_flag_changes`,
    "drop table feature_flag_changes",
    "alter table new_feature_flag_changes rename to feature_flag_changes",
    ...changeIndexes(),
    ...appendOnly,
    `create table new_pending_flag_changes (${changeTable(types)})${tableEnd}`,
    `insert into new_pending_flag_changes (${CHANGE_COLUMNS}) select ${CHANGE_COLUMNS} from pending_flag_changes`,
    "drop table pending_flag_changes",
    "alter table new_pending_flag_changes rename to pending_flag_changes",
    `create table new_flag_revisions (
      revision ${counter} not null,
      place integer not null,
      scope ${text} not null check (${SCOPE}),
      id ${text},
      primary key (revision, place)
    )${tableEnd}`,
    `insert into new_flag_revisions (revision, place, scope, id) select revision, place, scope, id from flag_revisions`,
    "drop table flag_revisions",
    "alter table new_flag_revisions rename to flag_revisions",
  ];
}

function changeTable({ text, json, time, counter }: ColumnTypes): string {
  return `
    revision ${counter} not null,
    position integer not null,
    change_id ${text} not null,
    customer_id ${text},
    organization_id ${text},
    flag_path ${text} not null,
    old_value ${json},
    new_value ${json},
    old_override ${json},
    new_override ${json},
    changed_by ${text},
    on_behalf_of ${text},
    changed_at ${time} not null,
    reason ${text},
    feature_name ${text},
    evidence ${json},
    primary key (revision, position),
    check (${ABOUT})`;
}

function changeIndexes(): readonly string[] {
  const indexOf = (kind: "customer" | "organization") => [
    `create index feature_flag_changes_${kind} on feature_flag_changes (${kind}_id, revision, position)
      where ${kind}_id is not null`,
    `create index feature_flag_changes_${kind}_path
      on feature_flag_changes (${kind}_id, flag_path, revision desc, position desc) where ${kind}_id is not null`,
  ];
  return [
    ...indexOf("customer"),
    ...indexOf("organization"),
    "create index feature_flag_changes_path on feature_flag_changes (flag_path, revision, position)",
    "create index feature_flag_changes_change on feature_flag_changes (change_id)",
  ];
}
