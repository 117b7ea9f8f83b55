import type { ColumnTypes } from "./column-types.ts";

/** The tables of the first version. Released migrations are never edited: a later one changes what they made. */
export function initial(types: ColumnTypes): readonly string[] {
  const { text, json, time, counter, tableEnd, randomId, appendOnly } = types;
  const override = `
    flags ${json} not null,
    version ${counter} not null,
    revision ${counter} not null,
    updated_at ${time} not null,
    updated_by ${text}`;
  const change = `
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
    primary key (revision, position),
    check ((customer_id is null) <> (organization_id is null))`;
  const directory = `
    name ${text},
    attributes ${json},
    search_id ${text} not null,
    search_name ${text}`;

  return [
    `create table customer_feature_flags (customer_id ${text} not null primary key, ${override})${tableEnd}`,
    `create table organization_feature_flags (organization_id ${text} not null primary key, ${override})${tableEnd}`,

    `create table feature_flag_changes (${change})${tableEnd}`,
    `create index feature_flag_changes_customer on feature_flag_changes (customer_id, revision, position)
      where customer_id is not null`,
    `create index feature_flag_changes_customer_path
      on feature_flag_changes (customer_id, flag_path, revision desc, position desc) where customer_id is not null`,
    `create index feature_flag_changes_organization on feature_flag_changes (organization_id, revision, position)
      where organization_id is not null`,
    `create index feature_flag_changes_organization_path
      on feature_flag_changes (organization_id, flag_path, revision desc, position desc) where organization_id is not null`,
    `create index feature_flag_changes_path on feature_flag_changes (flag_path, revision, position)`,
    `create index feature_flag_changes_change on feature_flag_changes (change_id)`,
    ...appendOnly,
    `create table pending_flag_changes (${change})${tableEnd}`,

    `create table flag_revisions (
      revision ${counter} not null,
      place integer not null,
      scope ${text} not null check (scope in ('customer', 'organization', 'everything')),
      id ${text},
      primary key (revision, place)
    )${tableEnd}`,
    `create table flag_state (
      id integer not null primary key check (id = 1),
      revision ${counter} not null,
      epoch ${text} not null
    )${tableEnd}`,
    `insert into flag_state (id, revision, epoch) values (1, 0, ${randomId})`,

    `create table organizations (id ${text} not null primary key, ${directory})${tableEnd}`,
    `create table customers (
      id ${text} not null primary key,
      organization_id ${text}, ${directory}
    )${tableEnd}`,
    `create index customers_organization on customers (organization_id, id)`,

    `create table admin_keys (
      id ${text} not null primary key,
      role ${text} not null,
      name ${text} not null,
      secret_hash ${text} not null,
      created_at ${time} not null
    )${tableEnd}`,
  ];
}
