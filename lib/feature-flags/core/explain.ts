import type { EnvironmentFlags, FlagDefinition } from "./definition.ts";
import { fitOverride } from "./fit.ts";
import { createResolver, type RolledOut } from "./layers.ts";
import type { Leaf } from "./leaves.ts";
import { readPath } from "./paths.ts";
import type { RolloutStatus } from "./rollout.ts";
import type { RolloutVerdict } from "./rollout-book.ts";
import type { SelectionReason } from "./rollout-selection.ts";
import type { FlagStorage, TenantRecord, TenantState } from "./storage.ts";
import { type FlagChangeEvent, FlagSource, type FlagValue, type TenantContext } from "./types.ts";

/** The change that gave a layer its value. */
export type SettingChange = Pick<
  FlagChangeEvent,
  "changeId" | "revision" | "changedBy" | "onBehalfOf" | "changedAt" | "reason"
>;

/** What a rollout of the flag says about the tenant. */
export interface RolloutExplanation {
  readonly featureName: string;
  readonly status: RolloutStatus;
  /** The tier's name. */
  readonly tier: string;
  readonly percentage: number;
  readonly enabled: boolean;
  readonly because: SelectionReason;
  /** Where the tenant lies, 0 to 99,999; undefined where it has no id of the rollout's unit. */
  readonly bucket: number | undefined;
  /** The buckets below this are served. */
  readonly threshold: number;
}

/** What one layer says about one flag. */
export interface LayerExplanation {
  readonly source: FlagSource;
  /** Whose override it is; undefined for environment and default, and where the tenant is not known. */
  readonly tenant: string | undefined;
  readonly set: boolean;
  /** Undefined where the layer does not set the flag. */
  readonly value: FlagValue | undefined;
  /** True for the one layer whose value the tenant sees. */
  readonly winner: boolean;
  /** Who set it, when and why; undefined for what no audited change has set. */
  readonly change: SettingChange | undefined;
  /** Of the layer of rollouts, where the flag has one, also where it does not serve the tenant. */
  readonly rollout: RolloutExplanation | undefined;
}

/** One flag through all its layers, highest first. */
export interface FlagExplanation {
  readonly path: string;
  readonly value: FlagValue;
  readonly source: FlagSource;
  readonly layers: readonly LayerExplanation[];
}

interface ExplainedLayer {
  readonly source: FlagSource;
  readonly tenant: string | undefined;
  readonly values: object;
}

export interface ExplainParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly rollouts: {
    upTo(read: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void>;
    rolledOut(ids: TenantContext): RolledOut | undefined;
    verdicts(path: string, ids: TenantContext): readonly RolloutVerdict[];
  };
}

/**
 * Why the tenant sees what it sees, for every flag at or below `path`. Two queries: the layers, and their changes;
 * and one for each rollout among them.
 */
export async function explainFlags<C extends object>(
  storage: FlagStorage,
  { definition, environment: name, rollouts }: ExplainParts<C>,
  context: TenantContext,
  path?: string,
): Promise<readonly FlagExplanation[]> {
  const environment = definition.environment(name);
  const leaves = path === undefined ? [...definition.leaves.values()] : definition.leavesUnder(path);
  const record = await storage.readTenant(context);
  await rollouts.upTo(record);
  const { customerId } = context;
  const { organizationId } = record;
  const ids = { customerId, organizationId };
  const changes = await storage.lastChanges(ids);
  const rolledOut = rollouts.rolledOut(ids);
  const resolved = createResolver(definition, environment).resolve(record, rolledOut);
  const layers = explainedLayers(definition, environment, context, record, rolledOut);
  const verdicts = leaves.flatMap((leaf) => rollouts.verdicts(leaf.path, ids));
  const rolled = await Promise.all(verdicts.map((verdict) => explainedRollout(storage, ids, verdict)));
  return leaves.map((leaf) => {
    const winner =
      resolved.layers.find((layer) => readPath(layer.values, leaf.segments) !== undefined)?.source ??
      FlagSource.DEFAULT;
    return Object.freeze({
      path: leaf.path,
      value: readPath(resolved.config, leaf.segments) as FlagValue,
      source: winner,
      layers: Object.freeze(
        layers.map((layer) =>
          explained(
            layer,
            leaf,
            winner,
            changes,
            // The last one that serves the tenant is the one whose value is seen.
            rolled.findLast(({ path, rollout }) => path === leaf.path && rollout.enabled) ??
              rolled.findLast(({ path }) => path === leaf.path),
          ),
        ),
      ),
    });
  });
}

interface ExplainedRollout {
  readonly path: string;
  readonly rollout: RolloutExplanation;
  readonly change: SettingChange | undefined;
}

/** Among so many of a rollout's newest changes is the last that is about a tenant, or about all. */
const CHANGES_LOOKED_AT = 100;

async function explainedRollout(
  storage: FlagStorage,
  { customerId, organizationId }: TenantContext,
  { rollout, enabled, because, bucket, threshold }: RolloutVerdict,
): Promise<ExplainedRollout> {
  const { featureName, status } = rollout;
  const newest = await storage.listChanges({ featureName, limit: CHANGES_LOOKED_AT });
  // What was done for another tenant only is neither why this one sees what it sees, nor for it to know.
  const last = newest.find(
    (change) =>
      (change.customerId ?? customerId) === customerId &&
      (change.organizationId ?? organizationId) === organizationId,
  );
  const { name: tier = "", percentage = 0 } = rollout.tiers[rollout.tier] ?? {};
  const says = { featureName, status, tier, percentage, enabled, because, bucket, threshold };
  return { path: rollout.path, rollout: Object.freeze(says), change: last && settingOf(last) };
}

function explainedLayers<C extends object>(
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
  { customerId }: TenantContext,
  { customer, organization, organizationId }: TenantState,
  rolledOut: RolledOut | undefined,
): readonly ExplainedLayer[] {
  const fitted = (source: FlagSource, flags: unknown): object =>
    fitOverride(definition, source, flags).values;
  const ofCustomer = fitted(FlagSource.CUSTOMER_OVERRIDE, customer?.flags ?? {});
  const ofOrganization = fitted(FlagSource.ORGANIZATION_OVERRIDE, organization?.flags ?? {});
  return [
    { source: FlagSource.CUSTOMER_OVERRIDE, tenant: customerId, values: ofCustomer },
    { source: FlagSource.ORGANIZATION_OVERRIDE, tenant: organizationId, values: ofOrganization },
    { source: FlagSource.ROLLOUT, tenant: undefined, values: rolledOut?.values ?? {} },
    { source: FlagSource.ENVIRONMENT, tenant: undefined, values: environment.overlay },
    { source: FlagSource.DEFAULT, tenant: undefined, values: definition.defaults },
  ];
}

function explained(
  { source, tenant, values }: ExplainedLayer,
  leaf: Leaf,
  winner: FlagSource,
  changes: readonly FlagChangeEvent[],
  rolled: ExplainedRollout | undefined,
): LayerExplanation {
  const value = readPath(values, leaf.segments) as FlagValue | undefined;
  const set = value !== undefined;
  const ofRollout = source === FlagSource.ROLLOUT ? rolled : undefined;
  const change = set ? changes.find((candidate) => didSet(candidate, source, tenant, leaf.path)) : undefined;
  return Object.freeze({
    source,
    tenant,
    set,
    value,
    winner: source === winner,
    change: change === undefined ? ofRollout?.change : settingOf(change),
    rollout: ofRollout?.rollout,
  });
}

function didSet(
  change: FlagChangeEvent,
  source: FlagSource,
  tenant: string | undefined,
  path: string,
): boolean {
  if (tenant === undefined || change.path !== path) return false;
  if (source === FlagSource.CUSTOMER_OVERRIDE) return change.customerId === tenant;
  return source === FlagSource.ORGANIZATION_OVERRIDE && change.organizationId === tenant;
}

function settingOf(change: FlagChangeEvent): SettingChange {
  const { changeId, revision, changedBy, onBehalfOf, changedAt, reason } = change;
  return Object.freeze({ changeId, revision, changedBy, onBehalfOf, changedAt, reason });
}
