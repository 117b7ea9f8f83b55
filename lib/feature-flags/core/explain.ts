import type { EnvironmentFlags, FlagDefinition } from "./definition.ts";
import { fitOverride } from "./fit.ts";
import { createResolver } from "./layers.ts";
import type { Leaf } from "./leaves.ts";
import { readPath } from "./paths.ts";
import type { FlagStorage, TenantRecord } from "./storage.ts";
import { type FlagChangeEvent, FlagSource, type FlagValue, type TenantContext } from "./types.ts";

/** The change that gave a layer its value. */
export type SettingChange = Pick<
  FlagChangeEvent,
  "changeId" | "revision" | "changedBy" | "onBehalfOf" | "changedAt" | "reason"
>;

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

/** Why the tenant sees what it sees, for every flag at or below `path`. Two queries: the layers, and their changes. */
export async function explainFlags<C extends object>(
  storage: FlagStorage,
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
  context: TenantContext,
  path?: string,
): Promise<readonly FlagExplanation[]> {
  const leaves = path === undefined ? [...definition.leaves.values()] : definition.leavesUnder(path);
  const record = await storage.readTenant(context);
  const { customerId } = context;
  const { organizationId } = record;
  const changes = await storage.lastChanges({ customerId, organizationId });
  const resolved = createResolver(definition, environment).resolve(record);
  const layers = explainedLayers(definition, environment, context, record);
  return leaves.map((leaf) => {
    const winner =
      resolved.layers.find((layer) => readPath(layer.values, leaf.segments) !== undefined)?.source ??
      FlagSource.DEFAULT;
    return Object.freeze({
      path: leaf.path,
      value: readPath(resolved.config, leaf.segments) as FlagValue,
      source: winner,
      layers: Object.freeze(layers.map((layer) => explained(layer, leaf, winner, changes))),
    });
  });
}

function explainedLayers<C extends object>(
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
  { customerId }: TenantContext,
  { customer, organization, organizationId }: TenantRecord,
): readonly ExplainedLayer[] {
  const fitted = (source: FlagSource, flags: unknown): object =>
    fitOverride(definition, source, flags).values;
  const ofCustomer = fitted(FlagSource.CUSTOMER_OVERRIDE, customer?.flags ?? {});
  const ofOrganization = fitted(FlagSource.ORGANIZATION_OVERRIDE, organization?.flags ?? {});
  return [
    { source: FlagSource.CUSTOMER_OVERRIDE, tenant: customerId, values: ofCustomer },
    { source: FlagSource.ORGANIZATION_OVERRIDE, tenant: organizationId, values: ofOrganization },
    { source: FlagSource.ENVIRONMENT, tenant: undefined, values: environment.overlay },
    { source: FlagSource.DEFAULT, tenant: undefined, values: definition.defaults },
  ];
}

function explained(
  { source, tenant, values }: ExplainedLayer,
  leaf: Leaf,
  winner: FlagSource,
  changes: readonly FlagChangeEvent[],
): LayerExplanation {
  const value = readPath(values, leaf.segments) as FlagValue | undefined;
  const set = value !== undefined;
  const change = set ? changes.find((candidate) => didSet(candidate, source, tenant, leaf.path)) : undefined;
  return Object.freeze({
    source,
    tenant,
    set,
    value,
    winner: source === winner,
    change: change && settingOf(change),
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
