/**
 * The tables as queries name them. JSON and times are written through the engine's codecs and read as text, so
 * that a damaged cell is still a cell: `rows.ts` is what makes values of them.
 */
export interface Tables {
  customer_feature_flags: OverrideColumns & { customer_id: string };
  organization_feature_flags: OverrideColumns & { organization_id: string };
  feature_flag_changes: ChangeColumns;
  /** Audit rows that `feature_flag_changes` refused, until it takes them. */
  pending_flag_changes: ChangeColumns;
  /** The change feed: what each revision touched. */
  flag_revisions: {
    revision: number;
    /** Place within the revision, from 0. */
    place: number;
    scope: string;
    id: string | null;
  };
  /** One row. Its revision is advanced, and so locked, by every transaction that changes something. */
  flag_state: {
    id: number;
    revision: number;
    epoch: string;
    /** The revision that last changed any rollout. */
    rollouts: number;
    /** Milliseconds: events of rollouts before this were forgotten, and are not taken again. */
    rollout_events_since: number;
  };
  feature_rollouts: {
    feature_name: string;
    rollout: string;
    version: number;
    revision: number;
    updated_at: number;
    updated_by: string | null;
  };
  /** The events themselves, for a while; in milliseconds. */
  rollout_events: {
    feature_name: string;
    occurred_at: number;
    customer_id: string;
    event: string;
    tier: number;
    metadata: string | null;
  };
  /** How many there were in each minute, which is named by the millisecond it starts at. */
  rollout_counts: { feature_name: string; minute: number; tier: number; event: string; count: number };
  flag_leases: { name: string; holder: string; until: number };
  organizations: DirectoryColumns;
  customers: DirectoryColumns & { organization_id: string | null };
  /** How far each process has applied the feed. No change: it advances no revision and is not audited. */
  flag_instances: {
    id: string;
    host: string | null;
    pid: number | null;
    version: string;
    epoch: string;
    revision: number;
    seen_at: number;
  };
  admin_keys: { id: string; role: string; name: string; secret_hash: string; created_at: number };
}

interface OverrideColumns {
  flags: string;
  version: number;
  revision: number;
  updated_at: number;
  updated_by: string | null;
}

interface ChangeColumns {
  revision: number;
  position: number;
  change_id: string;
  customer_id: string | null;
  organization_id: string | null;
  flag_path: string;
  old_value: string | null;
  new_value: string | null;
  /** SQL NULL: the tenant inherited. JSON null: its override was the value null. */
  old_override: string | null;
  new_override: string | null;
  changed_by: string | null;
  on_behalf_of: string | null;
  changed_at: number;
  reason: string | null;
  /** The rollout that changed. Such a row may be about no tenant, any other is about one. */
  feature_name: string | null;
  evidence: string | null;
}

interface DirectoryColumns {
  id: string;
  name: string | null;
  attributes: string | null;
  /** Lower-cased here and not by the database, whose idea of case differs between the engines. */
  search_id: string;
  search_name: string | null;
}
